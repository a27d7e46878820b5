//! Sets of permissions with limits, and those that are always there.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Permission;

/// What somebody who has it may do, and what of all records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it gives.
    pub permissions: BTreeSet<Permission>,
    /// Only records that this search keeps; all if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streams: Option<String>,
    /// Fields that are hidden from it.
    pub hidden_fields: BTreeSet<String>,
    /// Whether it came with the program, and so cannot be changed.
    pub built_in: bool,
}

/// The names of the roles that are always there.
pub const BUILT_IN: [&str; 6] = ["admin", "operator", "analyst", "viewer", "auditor", "ingest"];

/// A role that is always there.
pub fn built_in(name: &str) -> Option<Role> {
    use Permission::{
        ExportLogs, IngestLogs, ManageFleet, ManageStore, ReadAlerts, ReadAudit, ReadQueue, ReadStatus, SearchLogs,
        WriteAlerts, WriteDocuments,
    };
    let (description, permissions): (&str, &[Permission]) = match name {
        "admin" => ("Everything, users and keys too", &Permission::ALL),
        "operator" => (
            "Runs the servers: machines, storage, alerts, searches",
            &[
                SearchLogs,
                ExportLogs,
                IngestLogs,
                ReadQueue,
                ReadStatus,
                ManageStore,
                ManageFleet,
                WriteDocuments,
                ReadAlerts,
                WriteAlerts,
            ],
        ),
        "analyst" => (
            "Searches, exports, keeps dashboards and alert rules",
            &[
                SearchLogs,
                ExportLogs,
                ReadStatus,
                WriteDocuments,
                ReadAlerts,
                WriteAlerts,
            ],
        ),
        "viewer" => ("Searches and looks on", &[SearchLogs, ReadStatus, ReadAlerts]),
        "auditor" => (
            "Reads who did what, and changes nothing",
            &[SearchLogs, ReadStatus, ReadAudit],
        ),
        "ingest" => ("Adds records and sees none", &[IngestLogs]),
        _ => return None,
    };
    Some(Role {
        name: name.to_owned(),
        description: description.to_owned(),
        permissions: permissions.iter().copied().collect(),
        // An auditor's searches are of the acts, and of nothing that they are about.
        streams: (name == "auditor").then(|| "topic:timberline.audit".to_owned()),
        hidden_fields: BTreeSet::new(),
        built_in: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_role_is_there_and_only_an_admin_says_who_may_come_in() {
        for name in BUILT_IN {
            let role = built_in(name).unwrap();
            let manages = role.permissions.contains(&Permission::ManageAccess);
            assert_eq!(manages, name == "admin", "{name}");
        }
        assert_eq!(built_in("root"), None);
    }

    #[test]
    fn what_may_only_add_records_can_do_nothing_else() {
        let ingest = built_in("ingest").unwrap();
        assert_eq!(ingest.permissions, BTreeSet::from([Permission::IngestLogs]));
    }
}
