use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Error, Field, Fields, GenericParam, Generics, Lifetime, LitStr, Path,
    Result, Token, parse_quote,
};

use crate::shape::Rule;

/// Writes the implementation for a struct.
pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let fields = struct_fields(input)?;
    let home = crate_path(&input.attrs)?;
    let lifetime = row_lifetime(&input.generics)?;
    let generics = row_generics(&input.generics, fields, &home, &lifetime);
    let reads = match fields {
        Fields::Named(named) => by_name(&named.named, rule(&input.attrs)?, &home)?,
        Fields::Unnamed(unnamed) => by_position(&unnamed.unnamed, &home)?,
        Fields::Unit => return Err(Error::new(input.ident.span(), "FromRow needs a struct with fields")),
    };

    let Reads { plan, value, walk } = reads;
    let name = &input.ident;
    let (implemented, _, bounds) = generics.split_for_impl();
    let (_, arguments, _) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #implemented #home::FromRow<#lifetime> for #name #arguments #bounds {
            fn plan(
                columns: &#home::Columns,
            ) -> ::core::result::Result<#home::RowPlan, #home::ValueError> {
                #plan
                ::core::result::Result::Ok(plan)
            }

            fn from_row(
                plan: &#home::RowPlan,
                row: #home::Row<#lifetime>,
            ) -> ::core::result::Result<Self, #home::ValueError> {
                ::core::result::Result::Ok(#value)
            }

            fn from_body(
                plan: &#home::RowPlan,
                body: &#lifetime [u8],
                columns: &#lifetime #home::Columns,
                layout: &#lifetime mut #home::RowLayout,
            ) -> ::core::result::Result<Self, #home::ReadError> {
                if !plan.is_in_order(columns) {
                    return ::core::result::Result::Ok(Self::from_row(plan, layout.row(body, columns)?)?);
                }
                let mut fields = #home::FieldWalk::new(body, columns)?;
                let row = #walk;
                fields.finish()?;
                ::core::result::Result::Ok(row)
            }
        }
    })
}

/// The parts of the implementation: how the plan is made, the value that is read by it, and the same value read in one
/// walk.
struct Reads {
    plan: TokenStream,
    value: TokenStream,
    walk: TokenStream,
}

fn by_name(fields: &Punctuated<Field, Token![,]>, rule: Option<Rule>, home: &Path) -> Result<Reads> {
    let mut steps = TokenStream::new();
    let mut values = TokenStream::new();
    let mut walks = TokenStream::new();
    for (index, field) in fields.iter().enumerate() {
        let Field { ident, ty, .. } = field;
        let column = column_name(field, rule)?;
        steps.extend(quote! { plan.named::<#ty>(columns, #column)?; });
        values.extend(quote! { #ident: plan.read(row, #index)?, });
        walks.extend(quote! { #ident: fields.read()?, });
    }
    Ok(Reads {
        plan: quote! { let mut plan = #home::RowPlan::by_name(); #steps },
        value: quote! { Self { #values } },
        walk: quote! { Self { #walks } },
    })
}

fn by_position(fields: &Punctuated<Field, Token![,]>, home: &Path) -> Result<Reads> {
    let mut steps = TokenStream::new();
    let mut values = TokenStream::new();
    let mut walks = TokenStream::new();
    for (index, field) in fields.iter().enumerate() {
        let Options { rename, home: path, rename_all } = options(&field.attrs)?;
        if let Some(option) = rename.or(path).or(rename_all) {
            return Err(Error::new(
                option.span(),
                "the fields of a tuple struct read by position and take no options",
            ));
        }
        let ty = &field.ty;
        steps.extend(quote! { plan.next::<#ty>(columns)?; });
        values.extend(quote! { plan.read(row, #index)?, });
        walks.extend(quote! { fields.read()?, });
    }
    let count = fields.len();
    Ok(Reads {
        plan: quote! { let mut plan = #home::RowPlan::by_position(columns, #count)?; #steps },
        value: quote! { Self(#values) },
        walk: quote! { Self(#walks) },
    })
}

fn struct_fields(input: &DeriveInput) -> Result<&Fields> {
    match &input.data {
        Data::Struct(data) => Ok(&data.fields),
        Data::Enum(data) => {
            Err(Error::new(data.enum_token.span, "FromRow reads rows as structs, not as enums"))
        }
        Data::Union(data) => {
            Err(Error::new(data.union_token.span, "FromRow reads rows as structs, not as unions"))
        }
    }
}

/// The lifetime of the row: the struct's own, if it borrows.
fn row_lifetime(generics: &Generics) -> Result<Lifetime> {
    let mut lifetimes = generics.lifetimes();
    match (lifetimes.next(), lifetimes.next()) {
        (None, _) => Ok(Lifetime::new("'molt_row", proc_macro2::Span::call_site())),
        (Some(only), None) => Ok(only.lifetime.clone()),
        (Some(_), Some(second)) => {
            Err(Error::new(second.span(), "FromRow takes one lifetime parameter at most: that of the row"))
        }
    }
}

/// The generics of the implementation: those of the struct, the lifetime of the row, and what the fields need of type
/// parameters.
fn row_generics(generics: &Generics, fields: &Fields, home: &Path, lifetime: &Lifetime) -> Generics {
    let mut extended = generics.clone();
    if generics.lifetimes().next().is_none() {
        extended.params.insert(0, parse_quote!(#lifetime));
    }
    if generics.params.iter().any(|param| matches!(param, GenericParam::Type(_))) {
        let bounds = &mut extended.make_where_clause().predicates;
        fields.iter().for_each(|Field { ty, .. }| bounds.push(parse_quote!(#ty: #home::FromSql<#lifetime>)));
    }
    extended
}

fn crate_path(attributes: &[Attribute]) -> Result<Path> {
    let found = options(attributes)?;
    match (found.home, found.rename) {
        (_, Some(rename)) => Err(Error::new(rename.span(), "`rename` belongs on a field")),
        (Some(path), None) => path.parse_with(Path::parse_mod_style),
        (None, None) => Ok(parse_quote!(::molt_db::decode)),
    }
}

/// How the names of the fields become those of the columns.
fn rule(attributes: &[Attribute]) -> Result<Option<Rule>> {
    options(attributes)?.rename_all.as_ref().map(Rule::of).transpose()
}

fn column_name(field: &Field, rule: Option<Rule>) -> Result<String> {
    let found = options(&field.attrs)?;
    let own = field.ident.as_ref().map(|name| name.unraw().to_string());
    let own = own.map(|own| rule.map_or_else(|| own.clone(), |rule| rule.apply(&own)));
    match (found.home.or(found.rename_all), found.rename) {
        (Some(option), _) => Err(Error::new(option.span(), "`crate` and `rename_all` belong on the struct")),
        (None, Some(rename)) => Ok(rename.value()),
        (None, None) => own.ok_or_else(|| Error::new(field.span(), "the field has no name")),
    }
}

/// What stands in `#[molt(...)]`.
#[derive(Default)]
struct Options {
    rename: Option<LitStr>,
    rename_all: Option<LitStr>,
    home: Option<LitStr>,
}

fn options(attributes: &[Attribute]) -> Result<Options> {
    let mut options = Options::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("molt")) {
        attribute.parse_nested_meta(|meta| {
            let place = if meta.path.is_ident("rename") {
                &mut options.rename
            } else if meta.path.is_ident("rename_all") {
                &mut options.rename_all
            } else if meta.path.is_ident("crate") {
                &mut options.home
            } else if meta.path.is_ident("name") {
                // Of the type that the struct is where `ToSql` is derived as well.
                let _: LitStr = meta.value()?.parse()?;
                return Ok(());
            } else {
                return Err(meta.error("unknown option; there are `rename`, `rename_all` and `crate`"));
            };
            if place.replace(meta.value()?.parse()?).is_some() {
                return Err(meta.error("the option is given twice"));
            }
            Ok(())
        })?;
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(input: DeriveInput) -> String {
        match expand(&input) {
            Ok(code) => format!("accepted: {code}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_cannot_be_read_from_a_row_is_refused_with_the_reason() {
        let known: [(DeriveInput, &str); 8] = [
            (
                parse_quote!(
                    enum E {
                        A,
                    }
                ),
                "FromRow reads rows as structs, not as enums",
            ),
            (parse_quote!(union U { a: i32 }), "FromRow reads rows as structs, not as unions"),
            (
                parse_quote!(
                    struct Unit;
                ),
                "FromRow needs a struct with fields",
            ),
            (
                parse_quote!(
                    struct Two<'a, 'b> {
                        a: &'a str,
                        b: &'b str,
                    }
                ),
                "FromRow takes one lifetime parameter at most: that of the row",
            ),
            (
                parse_quote!(
                    struct S {
                        #[molt(renamed = "b")]
                        a: i32,
                    }
                ),
                "unknown option; there are `rename`, `rename_all` and `crate`",
            ),
            (
                parse_quote!(
                    struct S {
                        #[molt(rename = "b", rename = "c")]
                        a: i32,
                    }
                ),
                "the option is given twice",
            ),
            (
                parse_quote!(
                    #[molt(rename = "b")]
                    struct S {
                        a: i32,
                    }
                ),
                "`rename` belongs on a field",
            ),
            (
                parse_quote!(
                    struct S(#[molt(rename = "b")] i32);
                ),
                "the fields of a tuple struct read by position and take no options",
            ),
        ];
        for (input, reason) in known {
            assert_eq!(refusal(input), reason);
        }
    }

    #[test]
    fn the_path_of_the_crate_is_the_users_choice() {
        let default = expand(&parse_quote!(
            struct S {
                a: i32,
            }
        ))
        .unwrap_or_default()
        .to_string();
        assert!(default.contains(":: molt_db :: decode :: FromRow < 'molt_row > for S"), "{default}");
        let own = expand(&parse_quote!(
            #[molt(crate = "a::b")]
            struct S {
                a: i32,
            }
        ))
        .unwrap_or_default()
        .to_string();
        assert!(own.contains("a :: b :: FromRow") && !own.contains("molt_db"), "{own}");
    }
}
