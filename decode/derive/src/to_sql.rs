use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error, Path, Result};

use crate::shape::{Kind, Shape};

/// Writes the implementation of `ToSql`.
pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let shape = Shape::of(input, "ToSql")?;
    let home = &shape.home;
    let generics = shape.bounded(&input.generics, &quote!(#home::ToSql));
    let methods = match &shape.kind {
        Kind::Enum(labels) => {
            let labels = labels.iter().map(|(variant, label)| quote!(Self::#variant => #label,));
            of_enum(home, &type_name(&shape), &quote!(#(#labels)*))
        }
        Kind::Composite(fields) => {
            let idents: Vec<_> = fields.iter().map(|(ident, _, _)| *ident).collect();
            let count = u16::try_from(idents.len())
                .map_err(|_| Error::new(input.ident.span(), "no composite type has so many attributes"))?;
            let named = named(home, &type_name(&shape));
            quote! {
                #named

                fn to_sql(
                    &self,
                    out: &mut #home::Output,
                ) -> ::core::result::Result<#home::IsNull, #home::EncodeError> {
                    let mut attributes = #home::types::composite::AttributeWriter::new(out, #count);
                    let _ = &mut attributes;
                    #(attributes.write(&self.#idents)?;)*
                    ::core::result::Result::Ok(#home::IsNull::No)
                }
            }
        }
        Kind::Newtype(ty) => {
            let declares = match &shape.name {
                Some(_) => named(home, &type_name(&shape)),
                None => as_inner(home, &quote!(<#ty as #home::ToSql>)),
            };
            quote! {
                #declares

                fn format(&self) -> #home::Format {
                    #home::ToSql::format(&self.0)
                }

                fn to_sql(
                    &self,
                    out: &mut #home::Output,
                ) -> ::core::result::Result<#home::IsNull, #home::EncodeError> {
                    #home::ToSql::to_sql(&self.0, out)
                }
            }
        }
    };
    let name = &input.ident;
    let (implemented, arguments, bounds) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #implemented #home::ToSql for #name #arguments #bounds {
            #methods
        }
    })
}

fn type_name(shape: &Shape<'_>) -> TokenStream {
    let home = &shape.home;
    match &shape.name {
        Some(name) => quote!(::core::option::Option::Some(#home::TypeName::new(#name))),
        None => quote!(::core::option::Option::None),
    }
}

/// A label goes as the text of a literal, whose type the server infers; inside of other values it names its type.
fn of_enum(home: &Path, name: &TokenStream, labels: &TokenStream) -> TokenStream {
    quote! {
        fn oid(&self) -> #home::Oid {
            #home::Oid::UNSPECIFIED
        }

        fn type_name() -> ::core::option::Option<#home::TypeName> {
            #name
        }

        fn format(&self) -> #home::Format {
            #home::Format::Text
        }

        fn to_sql(
            &self,
            out: &mut #home::Output,
        ) -> ::core::result::Result<#home::IsNull, #home::EncodeError> {
            let label = match self { #labels };
            out.extend_from_slice(::core::primitive::str::as_bytes(label));
            ::core::result::Result::Ok(#home::IsNull::No)
        }
    }
}

fn named(home: &Path, name: &TokenStream) -> TokenStream {
    quote! {
        fn oid(&self) -> #home::Oid {
            #home::Oid::UNSPECIFIED
        }

        fn type_name() -> ::core::option::Option<#home::TypeName> {
            #name
        }

        fn declared_name(&self) -> ::core::option::Option<#home::TypeName> {
            #name
        }
    }
}

fn as_inner(home: &Path, inner: &TokenStream) -> TokenStream {
    quote! {
        fn oid(&self) -> #home::Oid {
            #home::ToSql::oid(&self.0)
        }

        fn type_oid() -> #home::Oid {
            #inner::type_oid()
        }

        fn element_oid() -> #home::Oid {
            #inner::element_oid()
        }

        fn array_oid() -> #home::Oid {
            #inner::array_oid()
        }

        fn type_name() -> ::core::option::Option<#home::TypeName> {
            #inner::type_name()
        }

        fn declared_name(&self) -> ::core::option::Option<#home::TypeName> {
            #home::ToSql::declared_name(&self.0)
        }
    }
}
