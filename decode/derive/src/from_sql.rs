use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{DeriveInput, Error, Generics, Lifetime, Result, parse_quote};

use crate::shape::{Kind, Shape};

/// Writes the implementation of `FromSql`.
pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let shape = Shape::of(input, "FromSql")?;
    let lifetime = value_lifetime(&input.generics)?;
    let home = &shape.home;
    let mut generics = shape.bounded(&input.generics, &quote!(#home::FromSql<#lifetime>));
    if input.generics.lifetimes().next().is_none() {
        generics.params.insert(0, parse_quote!(#lifetime));
    }
    let (accepts, from_sql, from_null) = bodies(&shape, &lifetime);
    let name = &input.ident;
    let (implemented, _, bounds) = generics.split_for_impl();
    let (_, arguments, _) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #implemented #home::FromSql<#lifetime> for #name #arguments #bounds {
            fn accepts(column: &#home::Column) -> bool {
                #accepts
            }

            fn from_sql(
                column: &#home::Column,
                value: &#lifetime [u8],
            ) -> ::core::result::Result<Self, #home::ValueError> {
                #from_sql
            }

            #from_null
        }
    })
}

fn bodies(shape: &Shape<'_>, lifetime: &Lifetime) -> (TokenStream, TokenStream, TokenStream) {
    let home = &shape.home;
    match &shape.kind {
        Kind::Enum(labels) => {
            let arms = labels
                .iter()
                .map(|(variant, label)| quote!(#label => ::core::result::Result::Ok(Self::#variant),));
            (
                quote!(#home::types::labels::accepts(column)),
                quote! {
                    match #home::types::labels::read(column, value)? {
                        #(#arms)*
                        _ => ::core::result::Result::Err(#home::types::labels::unknown()),
                    }
                },
                TokenStream::new(),
            )
        }
        Kind::Composite(fields) => {
            let count = fields.len();
            let attributes = fields
                .iter()
                .map(|(_, ty, name)| quote!((#name, <#ty as #home::FromSql<#lifetime>>::accepts),));
            let values = fields.iter().map(|(ident, _, _)| quote!(#ident: attributes.read()?,));
            (
                quote!(#home::types::composite::accepts(column, &[#(#attributes)*])),
                quote! {
                    let mut attributes = #home::types::composite::Attributes::new(column, value, #count)?;
                    let _ = &mut attributes;
                    ::core::result::Result::Ok(Self { #(#values)* })
                },
                TokenStream::new(),
            )
        }
        Kind::Newtype(ty) => (
            quote!(<#ty as #home::FromSql<#lifetime>>::accepts(column)),
            quote!(<#ty as #home::FromSql<#lifetime>>::from_sql(column, value).map(Self)),
            quote! {
                fn from_null(column: &#home::Column) -> ::core::result::Result<Self, #home::ValueError> {
                    <#ty as #home::FromSql<#lifetime>>::from_null(column).map(Self)
                }
            },
        ),
    }
}

/// The lifetime of the value: the type's own, if it borrows.
fn value_lifetime(generics: &Generics) -> Result<Lifetime> {
    let mut lifetimes = generics.lifetimes();
    match (lifetimes.next(), lifetimes.next()) {
        (None, _) => Ok(Lifetime::new("'molt_value", proc_macro2::Span::call_site())),
        (Some(only), None) => Ok(only.lifetime.clone()),
        (Some(_), Some(second)) => {
            Err(Error::new(second.span(), "FromSql takes one lifetime parameter at most: that of the value"))
        }
    }
}
