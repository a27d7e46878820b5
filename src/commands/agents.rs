//! Reports of agents as rows of the table `agents`.

use timberline_collector::fleet::Fleet;
use timberline_proto::wire::v1::ReportRequest;
use timberline_store::read::AgentFile;

/// What every agent last reported.
pub(super) fn all(fleet: &Fleet) -> Vec<AgentFile> {
    let agents = fleet.agents();
    let rows = agents
        .iter()
        .flat_map(|(_, agent)| files(&agent.report, agent.received_at_nanos));
    rows.collect()
}

/// One row per file of a report, or one without a file.
fn files(report: &ReportRequest, received_at_nanos: i64) -> Vec<AgentFile> {
    let agent = AgentFile {
        agent: hex(&report.agent_id),
        host: report.host.clone(),
        version: report.version.clone(),
        reported_at_nanos: received_at_nanos,
        ..AgentFile::default()
    };
    if report.files.is_empty() {
        return vec![agent];
    }
    let rows = report.files.iter().map(|file| AgentFile {
        path: Some(file.path.clone()),
        generation: hex(&file.generation_id),
        size: file.size,
        read: file.read,
        acked: file.acked,
        lost: file.lost_bytes,
        read_to_end_at_nanos: file.read_to_end_at_unix_nanos,
        error: file.error.clone(),
        ..agent.clone()
    });
    rows.collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
