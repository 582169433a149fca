//! What a case expects, by key.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Expectations by key, sorted by key.
///
/// A sorted list and no `BTreeMap`: a map of two entries takes a kilobyte, and there are a hundred
/// thousand cases.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expected(Vec<(Cow<'static, str>, Value)>);

impl Expected {
    /// Nothing is expected.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// What is expected under a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        let index = self.position(key).ok()?;
        self.0.get(index).map(|(_, value)| value)
    }

    /// Whether anything is expected under a key.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_ok()
    }

    /// Expects a value under a key, and gives back what was expected before.
    pub fn insert(&mut self, key: impl Into<Cow<'static, str>>, value: Value) -> Option<Value> {
        let key = key.into();
        match self.position(&key) {
            Ok(index) => self.0.get_mut(index).map(|(_, old)| std::mem::replace(old, value)),
            Err(index) => {
                self.0.reserve_exact(1);
                self.0.insert(index, (key, value));
                None
            }
        }
    }

    /// All keys and values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }

    /// How many keys there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is expected.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn position(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_ref().cmp(key))
    }
}

impl<K: Into<Cow<'static, str>>> FromIterator<(K, Value)> for Expected {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(pairs: I) -> Self {
        let mut expected = Self::new();
        for (key, value) in pairs {
            expected.insert(key, value);
        }
        expected
    }
}

impl Serialize for Expected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Expected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::<String, Value>::deserialize(deserializer).map(Self::from_iter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_map(pairs in prop::collection::vec(("[a-e]", 0_u32..9), 0..12)) {
            let map: BTreeMap<String, Value> =
                pairs.iter().map(|(key, value)| (key.clone(), Value::from(*value))).collect();
            let expected: Expected =
                pairs.into_iter().map(|(key, value)| (key, Value::from(value))).collect();
            prop_assert_eq!(expected.len(), map.len());
            prop_assert_eq!(serde_json::to_string(&expected).unwrap(), serde_json::to_string(&map).unwrap());
            for key in ["a", "b", "c", "d", "e", "f"] {
                prop_assert_eq!(expected.get(key), map.get(key));
                prop_assert_eq!(expected.contains_key(key), map.contains_key(key));
            }
            let json = serde_json::to_string(&expected).unwrap();
            prop_assert_eq!(serde_json::from_str::<Expected>(&json).unwrap(), expected);
        }
    }
}
