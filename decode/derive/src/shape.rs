//! What a Rust type is in a database: an enum, a composite type, or a value of another type with a name of its own.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DataEnum, DataStruct, DeriveInput, Error, Expr, Field, Fields, GenericParam, Generics,
    Ident, LitStr, Path, Result, Type, parse_quote,
};

/// A type that is read and sent as a type of a database.
pub(crate) struct Shape<'a> {
    pub(crate) home: Path,
    /// As SQL has it; of a newtype only where it was given.
    pub(crate) name: Option<String>,
    pub(crate) kind: Kind<'a>,
}

pub(crate) enum Kind<'a> {
    /// Variants with their labels.
    Enum(Vec<(&'a Ident, String)>),
    /// Fields with the names of their attributes.
    Composite(Vec<(&'a Ident, &'a Type, String)>),
    Newtype(&'a Type),
}

impl<'a> Shape<'a> {
    pub(crate) fn of(input: &'a DeriveInput, wanted: &str) -> Result<Self> {
        let options = Options::of(&input.attrs, &["name", "rename_all", "crate"])?;
        let rule = options.rename_all.as_ref().map(Rule::of).transpose()?;
        let kind = match &input.data {
            Data::Enum(data) => Kind::Enum(labels(data, rule, wanted)?),
            Data::Struct(data) => of_struct(input, data, rule, wanted)?,
            Data::Union(data) => {
                return Err(Error::new(
                    data.union_token.span,
                    format!("{wanted} is for structs and enums, not for unions"),
                ));
            }
        };
        if let (Kind::Newtype(_), Some(given)) = (&kind, &options.rename_all) {
            return Err(Error::new(given.span(), "there is nothing to rename in a newtype"));
        }
        let own = || Rule::Snake.apply(&input.ident.unraw().to_string());
        let name = match (&kind, options.name) {
            (_, Some(name)) => Some(name.value()),
            (Kind::Newtype(_), None) => None,
            (Kind::Enum(_) | Kind::Composite(_), None) => Some(own()),
        };
        let home = match options.home {
            Some(path) => path.parse_with(Path::parse_mod_style)?,
            None => parse_quote!(::molt_db::decode),
        };
        Ok(Self { home, name, kind })
    }

    /// Returns the types of the fields.
    pub(crate) fn field_types(&self) -> Vec<&'a Type> {
        match &self.kind {
            Kind::Enum(_) => Vec::new(),
            Kind::Composite(fields) => fields.iter().map(|(_, ty, _)| *ty).collect(),
            Kind::Newtype(ty) => vec![ty],
        }
    }

    /// Returns the generics with what the fields need, where there are type parameters.
    pub(crate) fn bounded(&self, generics: &Generics, bound: &TokenStream) -> Generics {
        let mut bounded = generics.clone();
        if generics.params.iter().any(|param| matches!(param, GenericParam::Type(_))) {
            let clause = bounded.make_where_clause();
            self.field_types().iter().for_each(|ty| clause.predicates.push(parse_quote!(#ty: #bound)));
        }
        bounded
    }
}

fn labels<'a>(data: &'a DataEnum, rule: Option<Rule>, wanted: &str) -> Result<Vec<(&'a Ident, String)>> {
    let label = |variant: &'a syn::Variant| {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new(
                variant.span(),
                format!("{wanted} needs variants without fields: a label has none"),
            ));
        }
        let options = Options::of(&variant.attrs, &["rename"])?;
        Ok((&variant.ident, renamed(&variant.ident, options.rename, rule)))
    };
    let labels: Vec<_> = data.variants.iter().map(label).collect::<Result<_>>()?;
    if labels.is_empty() {
        return Err(Error::new(data.enum_token.span, format!("{wanted} needs at least one variant")));
    }
    for (at, (ident, label)) in labels.iter().enumerate() {
        if labels.iter().take(at).any(|(_, before)| before == label) {
            return Err(Error::new(ident.span(), format!("the label {label:?} is there twice")));
        }
    }
    Ok(labels)
}

fn of_struct<'a>(
    input: &DeriveInput,
    data: &'a DataStruct,
    rule: Option<Rule>,
    wanted: &str,
) -> Result<Kind<'a>> {
    match &data.fields {
        Fields::Named(named) => {
            let attribute = |field: &'a Field| {
                let options = Options::of(&field.attrs, &["rename"])?;
                let missing = || Error::new(field.span(), "the field has no name");
                let ident = field.ident.as_ref().ok_or_else(missing)?;
                Ok((ident, &field.ty, renamed(ident, options.rename, rule)))
            };
            named.named.iter().map(attribute).collect::<Result<_>>().map(Kind::Composite)
        }
        Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => {
            let field = &unnamed.unnamed[0];
            Options::of(&field.attrs, &[])?;
            Ok(Kind::Newtype(&field.ty))
        }
        Fields::Unnamed(_) | Fields::Unit => Err(Error::new(
            input.ident.span(),
            format!(
                "{wanted} needs named fields, for a composite type, or a single one, for a value with a name of its own"
            ),
        )),
    }
}

fn renamed(ident: &Ident, rename: Option<LitStr>, rule: Option<Rule>) -> String {
    let own = ident.unraw().to_string();
    match (rename, rule) {
        (Some(rename), _) => rename.value(),
        (None, Some(rule)) => rule.apply(&own),
        (None, None) => own,
    }
}

/// How the names of variants and fields become those of the database.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    Lower,
    Upper,
    Snake,
    ScreamingSnake,
    Kebab,
    Camel,
    Pascal,
}

impl Rule {
    pub(crate) fn of(name: &LitStr) -> Result<Self> {
        Ok(match name.value().as_str() {
            "lowercase" => Self::Lower,
            "UPPERCASE" => Self::Upper,
            "snake_case" => Self::Snake,
            "SCREAMING_SNAKE_CASE" => Self::ScreamingSnake,
            "kebab-case" => Self::Kebab,
            "camelCase" => Self::Camel,
            "PascalCase" => Self::Pascal,
            _ => {
                return Err(Error::new(
                    name.span(),
                    "unknown rule; there are `lowercase`, `UPPERCASE`, `snake_case`, `SCREAMING_SNAKE_CASE`, \
                     `kebab-case`, `camelCase` and `PascalCase`",
                ));
            }
        })
    }

    pub(crate) fn apply(self, name: &str) -> String {
        let words = words(name);
        let lower = words.iter().map(|word| word.to_lowercase());
        match self {
            Self::Lower => name.to_lowercase(),
            Self::Upper => name.to_uppercase(),
            Self::Snake => lower.collect::<Vec<_>>().join("_"),
            Self::ScreamingSnake => {
                words.iter().map(|word| word.to_uppercase()).collect::<Vec<_>>().join("_")
            }
            Self::Kebab => lower.collect::<Vec<_>>().join("-"),
            Self::Pascal => lower.map(|word| capital(&word)).collect(),
            Self::Camel => {
                lower.enumerate().map(|(at, word)| if at == 0 { word } else { capital(&word) }).collect()
            }
        }
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// Splits a name of either style into its words: `HTTPCode` is `HTTP` and `Code`.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| letters.get(before));
        let begins = letter.is_uppercase()
            && (before.is_some_and(|before| !before.is_uppercase())
                || letters.get(at + 1).is_some_and(|next| next.is_lowercase()));
        if *letter == '_' || begins {
            words.push(String::new());
        }
        if *letter != '_'
            && let Some(word) = words.last_mut()
        {
            word.push(*letter);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What stands in `#[molt(...)]`.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    rename: Option<LitStr>,
    rename_all: Option<LitStr>,
    home: Option<LitStr>,
}

impl Options {
    /// Reads the options, of which only these belong here.
    fn of(attributes: &[Attribute], allowed: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("molt")) {
            attribute.parse_nested_meta(|meta| {
                let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
                // Other derives of the same type have options of their own in the same attribute.
                let value: Expr = meta.value()?.parse()?;
                if !allowed.contains(&key.as_str()) {
                    return Err(meta.error(match allowed {
                        [] => "no option belongs here".to_owned(),
                        allowed => format!("unknown option; there is `{}`", allowed.join("`, `")),
                    }));
                }
                let value: LitStr = syn::parse2(quote!(#value))?;
                let place = match key.as_str() {
                    "name" => &mut options.name,
                    "rename" => &mut options.rename,
                    "rename_all" => &mut options.rename_all,
                    _ => &mut options.home,
                };
                match place.replace(value) {
                    Some(_) => Err(meta.error("the option is given twice")),
                    None => Ok(()),
                }
            })?;
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule() {
        let rules = [
            (Rule::Lower, "httpcode"),
            (Rule::Upper, "HTTPCODE"),
            (Rule::Snake, "http_code"),
            (Rule::ScreamingSnake, "HTTP_CODE"),
            (Rule::Kebab, "http-code"),
            (Rule::Camel, "httpCode"),
            (Rule::Pascal, "HttpCode"),
        ];
        for (rule, expected) in rules {
            assert_eq!(rule.apply("HTTPCode"), expected);
        }
        assert_eq!(Rule::Pascal.apply("unit_price_2"), "UnitPrice2");
        assert_eq!(Rule::Snake.apply("Ok"), "ok");
    }

    #[test]
    fn what_has_no_counterpart_is_refused_with_the_reason() {
        let refusal = |input: DeriveInput| match Shape::of(&input, "ToSql") {
            Ok(_) => "accepted".to_owned(),
            Err(error) => error.to_string(),
        };
        let known: [(DeriveInput, &str); 9] = [
            (parse_quote!(union U { a: i32 }), "ToSql is for structs and enums, not for unions"),
            (
                parse_quote!(
                    enum E {
                        A(i32),
                    }
                ),
                "ToSql needs variants without fields: a label has none",
            ),
            (
                parse_quote!(
                    enum E {}
                ),
                "ToSql needs at least one variant",
            ),
            (
                parse_quote!(
                    enum E {
                        A,
                        #[molt(rename = "A")]
                        B,
                    }
                ),
                "the label \"A\" is there twice",
            ),
            (
                parse_quote!(
                    struct S(i32, i32);
                ),
                "ToSql needs named fields, for a composite type, or a single one, for a value with a name of its own",
            ),
            (
                parse_quote!(
                    #[molt(rename_all = "lowercase")]
                    struct S(i32);
                ),
                "there is nothing to rename in a newtype",
            ),
            (
                parse_quote!(
                    struct S {
                        #[molt(name = "b")]
                        a: i32,
                    }
                ),
                "unknown option; there is `rename`",
            ),
            (
                parse_quote!(
                    #[molt(name = "a", name = "b")]
                    struct S(i32);
                ),
                "the option is given twice",
            ),
            (
                parse_quote!(
                    struct S(#[molt(rename = "b")] i32);
                ),
                "no option belongs here",
            ),
        ];
        for (input, reason) in known {
            assert_eq!(refusal(input), reason);
        }
    }
}
