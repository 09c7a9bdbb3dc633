-- The tables of the benchmarks: psql -v rows=1000000 -f workloads.sql
-- `molt-db-bench load` runs it too, and cuts it at every semicolon that an empty line follows.
-- Nothing but generate_series and a seeded random(): every server makes the same values.

select setseed(0.42);

-- Fixed widths, no NULL: what a decoder does at its best.
create table w_fixed as
select g::int8 as id,
       (g::int8 * 7919 % 1000003)::int4 as a,
       (g % 32000)::int2 as s,
       random()::float8 as x,
       (random() * 1e6)::float4 as y,
       g % 3 = 0 as flag,
       timestamptz '2020-01-01' + g * interval '1 second' as ts,
       date '2000-01-01' + (g % 9000)::int as d
from generate_series(1, :rows) as g;

-- The columns of TPC-H's lineitem: numerics, padded strings, text of many lengths.
create table w_lineitem as
select g::int8 as l_orderkey,
       (g % 200000)::int4 as l_partkey,
       (g % 10000)::int4 as l_suppkey,
       (g % 7)::int4 as l_linenumber,
       (1 + g % 50)::numeric(15, 2) as l_quantity,
       (random() * 100000)::numeric(15, 2) as l_extendedprice,
       (random() * 0.1)::numeric(15, 2) as l_discount,
       (random() * 0.08)::numeric(15, 2) as l_tax,
       chr(65 + (g % 3)::int)::char(1) as l_returnflag,
       chr(70 + (g % 2)::int)::char(1) as l_linestatus,
       date '1992-01-01' + (g % 2500)::int as l_shipdate,
       date '1992-01-01' + (g % 2500)::int + 30 as l_commitdate,
       date '1992-01-01' + (g % 2500)::int + 20 as l_receiptdate,
       (array['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'])[1 + g % 4]::char(25)
           as l_shipinstruct,
       (array['REG AIR', 'AIR', 'RAIL', 'SHIP', 'TRUCK', 'MAIL', 'FOB'])[1 + g % 7]::char(10) as l_shipmode,
       substr(md5(g::text) || md5((g + 1)::text), 1, 10 + (g % 34)::int)::varchar(44) as l_comment
from generate_series(1, :rows) as g;

-- NULLs in every column, from one row in ten to all of them.
create table w_nulls as
select case when g % 2 = 0 then g end::int8 as a,
       case when g % 3 = 0 then g end::int4 as b,
       case when g % 5 < 2 then random() end::float8 as c,
       case when g % 2 = 1 then md5(g::text) end as d,
       case when g % 7 < 3 then timestamptz '2020-01-01' + g * interval '1 s' end as e,
       case when g % 2 = 0 then g % 3 = 0 end as f,
       case when g % 4 = 0 then g end::int8 as h,
       case when g % 4 < 3 then 'short' end as i,
       null::int4 as k,
       case when g % 10 = 0 then g::numeric(12, 3) end as n
from generate_series(1, :rows) as g;

-- The same columns, with a NULL in three of ten places by chance: what comes next cannot be foretold.
create table w_random_nulls as
select case when random() >= 0.3 then g end::int8 as a,
       case when random() >= 0.3 then g end::int4 as b,
       case when random() >= 0.3 then random() end::float8 as c,
       case when random() >= 0.3 then md5(g::text) end as d,
       case when random() >= 0.3 then timestamptz '2020-01-01' + g * interval '1 s' end as e,
       case when random() >= 0.3 then g % 3 = 0 end as f,
       case when random() >= 0.3 then g end::int8 as h,
       case when random() >= 0.3 then 'short' end as i,
       case when random() >= 0.3 then g end::int4 as k,
       case when random() >= 0.3 then g::numeric(12, 3) end as n
from generate_series(1, :rows) as g;

-- Text of every kind: short, of 20 to 200 bytes, beyond ASCII, JSON; and uuids. A quarter of the rows.
create table w_text as
select g::int8 as id,
       md5(g::text)::uuid as u,
       'status_' || g % 7 as short,
       left(repeat(md5(g::text), 7), 20 + g * 7919 % 181) as long,
       (array['Ångström', 'naïve café', '東京タワー', 'Привет, мир', 'Ελληνικά', 'smile 🙂'])[1 + g % 6] || ' ' || g
           as world,
       jsonb_build_object('id', g, 'name', left(md5(g::text), 8), 'tags', jsonb_build_array('a', g % 10, null))
           as doc,
       json_build_object('at', date '2020-01-01' + g % 3000, 'ok', g % 2 = 0) as raw,
       ('customer ' || g)::varchar(30) as name
from generate_series(1, greatest(1, :rows / 4)) as g;

-- Arrays of 0 to 20 elements; those of the last two columns have NULLs among their elements, and the last is itself
-- NULL in one row of ten. A quarter of the rows.
create table w_arrays as
select array(select (id * i % 1000003)::int4 from generate_series(1, n) as i) as ints,
       array(select id * i from generate_series(1, (n + 7) % 21) as i) as longs,
       array(select id / i::float8 from generate_series(1, (n + 11) % 21) as i) as doubles,
       array(select 'word ' || (id * i % 9973) from generate_series(1, (n + 3) % 21) as i) as words,
       array(select case when i % 5 > 0 then (id + i)::int4 end from generate_series(1, (n + 5) % 21) as i) as gaps,
       case when id % 10 > 0
           then array(select case when i % 4 > 0 then 'w' || i end from generate_series(1, (n + 13) % 21) as i)
       end as holes
from (select g::int8 as id, floor(random() * 21)::int as n
      from generate_series(1, greatest(1, :rows / 4)) as g) as lengths;

-- 200 columns of seven types; every fourth has a NULL in one row of twenty. A twentieth of the rows.
select set_config('molt_db_bench.rows', greatest(1, :rows / 20)::text, false);

do $$
declare
    -- By the number of the column, modulo 7.
    kinds constant text[] = array[
        '(g * %s)::int4',
        '(g::int8 * 7919 * %s)',
        '(g / %s::float8)',
        'left(md5((g + %s)::text), 6 + g %% 7)',
        '(g %% %s = 0)',
        '(timestamptz ''2020-01-01'' + g * %s * interval ''1 second'')',
        '(date ''2000-01-01'' + (g + %s) %% 9000)'
    ];
begin
    execute (
        select 'create table w_wide as select '
            || string_agg(
                case when c % 4 = 0 then 'case when random() >= 0.05 then ' else '' end
                || format(kinds[1 + c % 7], c)
                || case when c % 4 = 0 then ' end' else '' end || ' as c' || c,
                ', ' order by c)
            || format(' from generate_series(1, %s) as g', current_setting('molt_db_bench.rows'))
        from generate_series(1, 200) as c
    );
end $$;

-- Point selects, always on 100,000 keys.
create table kv (id int primary key, v int not null, t text not null);

insert into kv select g, g * 31, md5(g::text) from generate_series(1, 100000) as g;

vacuum analyze w_fixed, w_lineitem, w_nulls, w_random_nulls, w_text, w_arrays, w_wide, kv;
