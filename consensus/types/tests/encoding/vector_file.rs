//! Reads vector files, and remembers which fields were looked at: one that nobody reads pins nothing.

use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Tests run in their package's folder. Paths of the time of building are of no use: clones share what is built.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from("vectors")
}

/// One case of a file.
pub(crate) struct Case {
    pub(crate) name: String,
    fields: serde_json::Map<String, Value>,
    read: RefCell<BTreeSet<String>>,
}

/// Runs `judge` on each case of a file, and fails when a case has a field that was not read.
pub(crate) fn for_each_case(file: &str, judge: impl Fn(&Case)) {
    let text = std::fs::read_to_string(folder().join(file)).expect(file);
    let content: Value = serde_json::from_str(&text).expect(file);
    let cases = content["cases"].as_array().expect("a list of cases");
    assert!(!cases.is_empty(), "{file} has no case");
    for case in cases {
        let fields = case.as_object().expect("a case is an object").clone();
        let name = format!("{file}: {}", fields["name"].as_str().expect("a case has a name"));
        let case = Case { name, fields, read: RefCell::new(BTreeSet::from(["name".to_owned()])) };
        judge(&case);
        let all: BTreeSet<String> = case.fields.keys().cloned().collect();
        assert_eq!(
            *case.read.borrow(),
            all,
            "{}: fields that were read, and fields that are there",
            case.name
        );
    }
}

pub(crate) fn unhex(value: &Value) -> Vec<u8> {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x")).expect("0x-hex");
    hex::decode(digits).expect("hexadecimal digits")
}

fn number(value: &Value) -> u64 {
    match value {
        Value::String(digits) => digits.parse().expect("a decimal number"),
        other => other.as_u64().expect("a number"),
    }
}

impl Case {
    fn field(&self, key: &str) -> &Value {
        self.read.borrow_mut().insert(key.to_owned());
        self.fields.get(key).unwrap_or_else(|| panic!("{} has no field {key}", self.name))
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.fields.contains_key(key)
    }

    pub(crate) fn bytes(&self, key: &str) -> Vec<u8> {
        unhex(self.field(key))
    }

    pub(crate) fn num(&self, key: &str) -> u64 {
        number(self.field(key))
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        self.field(key).as_bool().expect("true or false")
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.field(key).as_str().expect("a text")
    }

    pub(crate) fn list<T>(&self, key: &str, each: impl Fn(&Value) -> T) -> Vec<T> {
        self.field(key).as_array().expect("a list").iter().map(each).collect()
    }

    pub(crate) fn all_bytes(&self, key: &str) -> Vec<Vec<u8>> {
        self.list(key, unhex)
    }

    pub(crate) fn nums(&self, key: &str) -> Vec<u64> {
        self.list(key, number)
    }
}
