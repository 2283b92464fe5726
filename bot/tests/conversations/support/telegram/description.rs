//! Telegram's own description of its methods and types, and whether a value fits it.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::Value;

/// What `bot_api.txt` says.
pub static BOT_API: LazyLock<Description> =
    LazyLock::new(|| Description::read(include_str!("bot_api.txt")));

/// Every method and every type of the Bot API.
pub struct Description {
    /// By their names in small letters: Telegram does not tell `SendMessage` from `sendMessage`.
    methods: BTreeMap<String, Method>,
    types: BTreeMap<String, Type>,
}

/// A method.
pub struct Method {
    pub name: String,
    pub fields: Vec<Field>,
    pub returns: Shape,
}

/// A parameter of a method, or a field of a type.
pub struct Field {
    pub name: String,
    pub required: bool,
    pub shape: Shape,
    /// The only value it may have: what tells the variants of a union apart.
    pub constant: Option<String>,
}

/// A named type.
pub enum Type {
    Record(Vec<Field>),
    Union(Shape),
}

/// What a value has to look like.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    String,
    Integer,
    Float,
    Boolean,
    Array(Box<Shape>),
    Named(String),
    OneOf(Vec<Shape>),
}

impl Description {
    fn read(text: &str) -> Self {
        let mut it = Self { methods: BTreeMap::new(), types: BTreeMap::new() };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (kind, rest) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
            match kind {
                "method" => {
                    let (name, fields, returns) = signature(rest);
                    let returns = shape(returns.trim_start_matches(" -> "));
                    let method = Method { name: name.to_owned(), fields, returns };
                    it.methods.insert(name.to_lowercase(), method);
                }
                "type" => {
                    let (name, fields, _) = signature(rest);
                    it.types.insert(name.to_owned(), Type::Record(fields));
                }
                "union" => {
                    let (name, variants) = rest.split_once(" = ").unwrap_or((rest, ""));
                    it.types.insert(name.to_owned(), Type::Union(shape(variants)));
                }
                other => panic!("bot_api.txt: `{other}`"),
            }
        }
        it
    }

    /// The method of this name, however its letters are written.
    pub fn method(&self, name: &str) -> Option<&Method> {
        self.methods.get(&name.to_lowercase())
    }

    /// The type of this name.
    pub fn named(&self, name: &str) -> Option<&Type> {
        self.types.get(name)
    }

    /// The fields of a type that is no union.
    pub fn fields(&self, name: &str) -> &[Field] {
        match self.types.get(name) {
            Some(Type::Record(fields)) => fields,
            _ => &[],
        }
    }

    /// Where `value` differs from the type of this name; nothing if it fits.
    pub fn misfits(&self, name: &str, value: &Value) -> Vec<String> {
        self.compare(&Shape::Named(name.to_owned()), value, name)
    }

    /// Where the parameters differ from what the method takes.
    pub fn misfits_of_call(&self, method: &Method, parameters: &Value) -> Vec<String> {
        self.compare_fields(&method.fields, parameters, &method.name)
    }

    /// Where `value` differs from `shape`. `at` is where it was found.
    pub fn compare(&self, shape: &Shape, value: &Value, at: &str) -> Vec<String> {
        let wrong = |what: &str| vec![format!("{at}: {} is no {what}", brief(value))];
        match (shape, value) {
            (Shape::String, Value::String(_)) | (Shape::Boolean, Value::Bool(_)) => Vec::new(),
            (Shape::Integer, Value::Number(it)) if it.is_i64() || it.is_u64() => Vec::new(),
            (Shape::Float, Value::Number(_)) => Vec::new(),
            (Shape::Array(each), Value::Array(items)) => items
                .iter()
                .enumerate()
                .flat_map(|(index, item)| self.compare(each, item, &format!("{at}[{index}]")))
                .collect(),
            (Shape::OneOf(variants), _) => self.nearest(variants, value, at),
            (Shape::Named(name), _) if name == "InputFile" => match value {
                Value::String(_) => Vec::new(),
                _ => wrong("file"),
            },
            (Shape::Named(name), _) => match self.types.get(name) {
                Some(Type::Record(fields)) if value.is_object() => {
                    self.compare_fields(fields, value, at)
                }
                Some(Type::Record(_)) => wrong(name),
                Some(Type::Union(variants)) => self.compare(variants, value, at),
                None => panic!("bot_api.txt does not say what a {name} is"),
            },
            (Shape::String, _) => wrong("String"),
            (Shape::Integer, _) => wrong("Integer"),
            (Shape::Float, _) => wrong("Float"),
            (Shape::Boolean, _) => wrong("Boolean"),
            (Shape::Array(_), _) => wrong("Array"),
        }
    }

    /// What separates a value from that variant of a union that it is nearest to.
    fn nearest(&self, variants: &[Shape], value: &Value, at: &str) -> Vec<String> {
        variants
            .iter()
            .map(|each| self.compare(each, value, at))
            .min_by_key(|misfits| {
                // A variant that the value does not even claim to be is the farthest.
                (misfits.iter().any(|it| it.contains("is always")), misfits.len())
            })
            .unwrap_or_default()
    }

    fn compare_fields(&self, fields: &[Field], value: &Value, at: &str) -> Vec<String> {
        let Value::Object(object) = value else {
            return vec![format!("{at}: {} is no object", brief(value))];
        };
        let mut misfits = Vec::new();
        for field in fields {
            let at = format!("{at}.{}", field.name);
            match (object.get(&field.name), &field.constant) {
                (Some(found), Some(constant)) if found != constant.as_str() => {
                    misfits.push(format!("{at}: is always {constant}, not {}", brief(found)));
                }
                (Some(found), _) => misfits.extend(self.compare(&field.shape, found, &at)),
                (None, _) if field.required => misfits.push(format!("{at} is missing")),
                (None, _) => {}
            }
        }
        let known = |name: &String| fields.iter().any(|field| &field.name == name);
        let unknown = object.keys().filter(|name| !known(name));
        misfits.extend(unknown.map(|name| format!("{at}.{name} is unknown to Telegram")));
        misfits
    }
}

/// `name(a: T, b?: U) -> V` as its three parts.
fn signature(line: &str) -> (&str, Vec<Field>, &str) {
    let (name, rest) = line.split_once('(').unwrap_or_else(|| panic!("{line}"));
    let (fields, returns) = rest.split_once(')').unwrap_or_else(|| panic!("{line}"));
    (name, fields.split(", ").filter(|it| !it.is_empty()).map(field).collect(), returns)
}

fn field(text: &str) -> Field {
    let (name, rest) = text.split_once(": ").unwrap_or_else(|| panic!("{text}"));
    let (types, constant) = match rest.split_once('=') {
        Some((types, constant)) => (types, Some(constant.to_owned())),
        None => (rest, None),
    };
    Field {
        name: name.trim_end_matches('?').to_owned(),
        required: !name.ends_with('?'),
        shape: shape(types),
        constant,
    }
}

fn shape(text: &str) -> Shape {
    if text.contains('|') {
        return Shape::OneOf(text.split('|').map(shape).collect());
    }
    match text {
        "String" => Shape::String,
        "Integer" => Shape::Integer,
        "Float" => Shape::Float,
        "Boolean" | "True" => Shape::Boolean,
        _ => match text.strip_prefix("Array of ") {
            Some(each) => Shape::Array(Box::new(shape(each))),
            None => Shape::Named(text.to_owned()),
        },
    }
}

/// A value in a message about it.
fn brief(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
