//! A secret of the configuration: printing the configuration does not show it.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// Text that is read and never printed.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct SecretText(String);

impl SecretText {
    /// For the part that needs it.
    #[cfg(feature = "store")]
    pub(crate) fn secret(&self) -> timberline_store::alert::notify::target::Secret {
        timberline_store::alert::notify::target::Secret::new(self.0.clone())
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0.is_empty() { "" } else { "(secret)" })
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}
