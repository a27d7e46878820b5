//! A column of a saved search.

use serde::{Deserialize, Serialize};

/// A field shown as a column. In JSON `"host"`, as before there were widths, or
/// `{"name": "host", "width_px": 120}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Form", into = "Form")]
pub struct SavedColumn {
    /// The field.
    pub name: String,
    /// How wide it was made, in pixels; absent if it never was.
    pub width_px: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Name(String),
    Wide(Wide),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wide {
    name: String,
    #[serde(default)]
    width_px: Option<u32>,
}

impl From<Form> for SavedColumn {
    fn from(form: Form) -> Self {
        match form {
            Form::Name(name) => Self { name, width_px: None },
            Form::Wide(Wide { name, width_px }) => Self { name, width_px },
        }
    }
}

impl From<SavedColumn> for Form {
    fn from(SavedColumn { name, width_px }: SavedColumn) -> Self {
        match width_px {
            None => Self::Name(name),
            Some(_) => Self::Wide(Wide { name, width_px }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SavedColumn;

    #[test]
    fn a_column_without_a_width_is_its_name_as_it_always_was() {
        let text = r#"["host",{"name":"status","width_px":77}]"#;
        let columns: Vec<SavedColumn> = serde_json::from_str(text).expect("columns");
        assert_eq!((columns[0].name.as_str(), columns[0].width_px), ("host", None));
        assert_eq!((columns[1].name.as_str(), columns[1].width_px), ("status", Some(77)));
        assert_eq!(serde_json::to_string(&columns).expect("JSON"), text);
        let unknown = serde_json::from_str::<SavedColumn>(r#"{"name":"a","height":1}"#);
        assert!(unknown.is_err());
    }
}
