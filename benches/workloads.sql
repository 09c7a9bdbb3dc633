-- The tables of the benchmarks: psql -v rows=1000000 -f workloads.sql
-- `molt-db-bench load` runs it too, and cuts it at every semicolon.
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

-- Point selects, always on 100,000 keys.
create table kv (id int primary key, v int not null, t text not null);

insert into kv select g, g * 31, md5(g::text) from generate_series(1, 100000) as g;

vacuum analyze w_fixed, w_lineitem, w_nulls, kv;
