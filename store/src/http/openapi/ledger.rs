//! The agents and the ledger.

use serde_json::{Value, json};

use super::{answer, count, list, object, operation, parameter, reference, string};

pub(super) fn paths() -> Value {
    let page = |what: &str| {
        [
            parameter("limit", "query", "integer", false, what),
            parameter("cursor", "query", "string", false, "The cursor of the page before"),
        ]
    };
    let agents = [
        vec![
            parameter("health", "query", "string", false, "ok, lagging, error or silent"),
            parameter("host", "query", "string", false, "Of this host"),
        ],
        page("At most so many; 100 unless said, at most 1000").to_vec(),
    ];
    let agent = [
        vec![parameter("id", "path", "string", true, "The agent's id")],
        page("Files at most; 1000 unless said, at most 10,000").to_vec(),
    ];
    let ledger = [
        vec![
            parameter(
                "source",
                "query",
                "string",
                false,
                "Found under this path; * and ? stand for any characters",
            ),
            parameter("host", "query", "string", false, "Of this host"),
            parameter("agent", "query", "string", false, "Of this agent"),
            parameter("generation", "query", "string", false, "This life of a file"),
            parameter(
                "from",
                "query",
                "string",
                false,
                "Of which something came at this instant or later",
            ),
            parameter(
                "to",
                "query",
                "string",
                false,
                "Of which something came before this instant",
            ),
            parameter(
                "only",
                "query",
                "string",
                false,
                "all (unless said); loss: those with bytes lost, damaged, doubled or unexplained",
            ),
            parameter(
                "gaps",
                "query",
                "integer",
                false,
                "Gaps of each at most; 20 unless said, at most 1000",
            ),
        ],
        page("Sources at most; 100 unless said, at most 1000").to_vec(),
    ];
    json!({
        "/api/v1/agents": { "get": operation("The agents, how each is and why, by host", &agents.concat(), None, answer("AgentsAnswer")) },
        "/api/v1/agents/{id}": { "get": operation("An agent with its files", &agent.concat(), None, answer("AgentAnswer")) },
        "/api/v1/ledger": { "get": operation("What became of every byte of every file: read, acked, indexed, removed, with every gap named",
            &ledger.concat(), None, answer("LedgerAnswer")) }
    })
}

pub(super) fn schemas() -> Value {
    let seconds = |what: &str| json!({ "type": "number", "minimum": 0, "description": what });
    let agent = json!({
        "agent": string("Its id"), "host": string("Its host's name"), "version": string("Its program's version"),
        "machine": object(&["os", "arch", "kernel", "cpus"], json!({
            "os": string("Such as linux"), "arch": string("Such as x86_64"), "kernel": string("Its release"), "cpus": count("Processors")
        })),
        "health": { "type": "string", "enum": ["ok", "lagging", "error", "silent"] },
        "reason": string("Why, unless it is well"), "started_at": string("RFC 3339"), "last_seen": string("RFC 3339"),
        "files": count("Files it follows"), "files_behind": count("Behind by more than server.lag_tolerance"),
        "files_failed": count("Cannot be read"), "files_left_out": count("Left out on purpose"),
        "lag_bytes": count("Bytes not acked"), "lag_seconds": seconds("For how long the worst file has been behind"),
        "rate_bytes_per_second": seconds("Read lately"),
        "records_read": count("Since its start"), "records_acked": count("Since its start"),
        "batches_pending": count("Without a verdict"), "lost_bytes": count("Gone before they were read, since its start"),
        "dead_letter_records": count("Refused for good, since its start"), "open_files": count("Held open")
    });
    let required = [
        "agent",
        "host",
        "version",
        "health",
        "last_seen",
        "files",
        "lag_bytes",
        "lag_seconds",
        "rate_bytes_per_second",
    ];
    let mut whole = agent.clone();
    whole["most_behind"] = list(reference("AgentFile"));
    whole["file_list"] = list(reference("AgentFile"));
    whole["left_out"] = list(reference("AgentFile"));
    whole["cursor"] = string("Send it back to go on");
    json!({
        "AgentsAnswer": object(&["agents", "total", "health"], json!({
            "agents": list(reference("AgentState")), "total": count("All that were asked for"),
            "health": object(&["ok", "lagging", "error", "silent"], json!({
                "ok": count("Agents"), "lagging": count("Agents"), "error": count("Agents"), "silent": count("Agents")
            })),
            "cursor": string("Send it back to go on")
        })),
        "AgentState": object(&required, agent),
        "AgentAnswer": object(&[&required[..], &["most_behind", "file_list"]].concat(), whole),
        "AgentFile": object(&["path", "read", "acked", "end", "lag_bytes", "lag_seconds", "rate_bytes_per_second", "lost_bytes"], json!({
            "path": string("Its path"), "generation": string("Its present life"),
            "read": count("Bytes read"), "acked": count("Bytes acked"), "end": count("Bytes in the file"),
            "read_to_end_at": string("When its end was last seen with everything read"),
            "lag_bytes": count("Bytes not acked"), "lag_seconds": seconds("For how long"),
            "rate_bytes_per_second": seconds("Read lately"), "lost_bytes": count("Gone before they were read"),
            "error": string("Why it is not read")
        })),
        "LedgerAnswer": object(&["sources", "total", "queue_gaps"], json!({
            "sources": list(reference("LedgerSource")), "total": reference("LedgerTotal"),
            "queue_gaps": list(object(&["topic", "partition", "from", "to", "reason"], json!({
                "topic": string("The topic"), "partition": count("The partition"),
                "from": count("First offset"), "to": count("One past the last"), "reason": string("Why")
            }))),
            "cursor": string("Send it back to go on")
        })),
        "LedgerSource": object(&["generation", "agent", "host", "path", "topic", "followed", "first_byte", "unread", "read", "acked",
            "in_queue", "indexed", "held", "damaged", "removed", "doubled", "empty", "policy", "lost", "unexplained", "gaps", "gaps_total"], json!({
            "generation": string("This life of the file"), "agent": string("The agent"), "host": string("The host"),
            "path": string("The path under which it was first found"), "topic": string("The queue's topic"),
            "followed": { "type": "boolean", "description": "Whether an agent follows it now" },
            "first_byte": count("What stands before it was not asked for"), "unread": count("Bytes not read yet"),
            "read": count("Bytes read"), "acked": count("Bytes durable in the queue"), "in_queue": count("Acked and not published yet"),
            "indexed": count("Bytes published as records"), "held": count("Of those, in sound splits"),
            "damaged": count("Of those, in damaged splits"), "removed": count("Of those, deleted by retention"),
            "doubled": count("Bytes taken twice"), "empty": count("Gaps that held nothing"), "policy": count("Gaps that rules made"),
            "lost": count("Gaps that should not be"),
            "unexplained": { "type": "integer", "description": "acked - in_queue + doubled - indexed - empty - policy - lost; 0 unless something is at fault" },
            "gaps": list(object(&["bytes", "reason", "class", "at"], json!({
                "from": count("First byte; absent if several are summed up"), "to": count("One past the last"), "bytes": count("How many"),
                "reason": string("rule:NAME, truncated_unread, deleted_unread, over_limit, rejected, queue_lost, nul_hole"),
                "class": { "type": "string", "enum": ["empty", "policy", "loss"] }, "at": string("When the store heard of it")
            }))),
            "gaps_total": count("All of them"), "first_at": string("First published"), "last_at": string("Last published")
        })),
        "LedgerTotal": object(&["sources", "read", "acked", "in_queue", "indexed", "held", "damaged", "removed", "doubled", "gaps", "lost", "unexplained"], json!({
            "sources": count("Sources"), "read": count("Bytes"), "acked": count("Bytes"), "in_queue": count("Bytes"), "indexed": count("Bytes"),
            "held": count("Bytes"), "damaged": count("Bytes"), "removed": count("Bytes"), "doubled": count("Bytes"),
            "gaps": list(object(&["reason", "class", "ranges", "bytes"], json!({
                "reason": string("As of a gap; all rules together as rule"), "class": { "type": "string", "enum": ["empty", "policy", "loss"] },
                "ranges": count("How many"), "bytes": count("How many bytes")
            }))),
            "lost": count("Bytes of gaps that should not be"), "unexplained": { "type": "integer" }
        }))
    })
}
