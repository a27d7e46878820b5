//! What a route asks for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One thing that somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Permission {
    /// Search, follow and read records.
    #[serde(rename = "logs.search")]
    SearchLogs,
    /// Take whole results and files out.
    #[serde(rename = "logs.export")]
    ExportLogs,
    /// Add records.
    #[serde(rename = "logs.ingest")]
    IngestLogs,
    /// Read the messages of the queue, which no limit of a role reaches.
    #[serde(rename = "queue.read")]
    ReadQueue,
    /// See how the server, its agents and its files are.
    #[serde(rename = "status.read")]
    ReadStatus,
    /// Check splits, and say how long data is kept.
    #[serde(rename = "store.manage")]
    ManageStore,
    /// Ask for records to be erased, see such requests and their receipts.
    #[serde(rename = "logs.erase")]
    EraseLogs,
    /// Approve what somebody else asks to be erased, or refuse it.
    #[serde(rename = "erasures.approve")]
    ApproveErasures,
    /// Say which machines may connect, and what they run.
    #[serde(rename = "fleet.manage")]
    ManageFleet,
    /// Keep dashboards and saved searches.
    #[serde(rename = "documents.write")]
    WriteDocuments,
    /// See alerts, incidents and silences.
    #[serde(rename = "alerts.read")]
    ReadAlerts,
    /// Change alert rules and silences, and take incidents up.
    #[serde(rename = "alerts.write")]
    WriteAlerts,
    /// Read who did what.
    #[serde(rename = "audit.read")]
    ReadAudit,
    /// Change users, roles, keys and sessions.
    #[serde(rename = "access.manage")]
    ManageAccess,
}

impl Permission {
    /// All there are.
    pub const ALL: [Self; 14] = [
        Self::SearchLogs,
        Self::ExportLogs,
        Self::IngestLogs,
        Self::ReadQueue,
        Self::ReadStatus,
        Self::ManageStore,
        Self::EraseLogs,
        Self::ApproveErasures,
        Self::ManageFleet,
        Self::WriteDocuments,
        Self::ReadAlerts,
        Self::WriteAlerts,
        Self::ReadAudit,
        Self::ManageAccess,
    ];

    /// As configurations and messages name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SearchLogs => "logs.search",
            Self::ExportLogs => "logs.export",
            Self::IngestLogs => "logs.ingest",
            Self::ReadQueue => "queue.read",
            Self::ReadStatus => "status.read",
            Self::ManageStore => "store.manage",
            Self::EraseLogs => "logs.erase",
            Self::ApproveErasures => "erasures.approve",
            Self::ManageFleet => "fleet.manage",
            Self::WriteDocuments => "documents.write",
            Self::ReadAlerts => "alerts.read",
            Self::WriteAlerts => "alerts.write",
            Self::ReadAudit => "audit.read",
            Self::ManageAccess => "access.manage",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Permission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|permission| permission.name() == text);
        found.ok_or_else(|| {
            let all = Self::ALL.map(Self::name).join(", ");
            format!("{text:?} is no permission; there are {all}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_named_alike_everywhere() {
        for permission in Permission::ALL {
            assert_eq!(permission.name().parse(), Ok(permission));
            let json = serde_json::to_string(&permission).unwrap();
            assert_eq!(json, format!("{:?}", permission.name()));
        }
    }
}
