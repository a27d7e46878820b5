//! Which functions of the language a program has.

use vrl::compiler::Function;

/// Left out, by reason.
const LEFT_OUT: [&str; 24] = [
    // The same bytes would give another record when they are read again.
    "now",
    "random_bool",
    "random_bytes",
    "random_float",
    "random_int",
    "uuid_v4",
    "uuid_v7",
    "get_env_var",
    "get_hostname",
    "get_timezone_name",
    "dns_lookup",
    "reverse_dns",
    "http_request",
    // They read files of the machine, and a rule may come from the collector.
    "parse_proto",
    "encode_proto",
    "parse_etld",
    "validate_json_schema",
    // A short line could become one of gigabytes.
    "decode_gzip",
    "decode_lz4",
    "decode_snappy",
    "decode_zlib",
    "decode_zstd",
    // They backtrack; the rule `parse` has a grok that does not.
    "parse_grok",
    "parse_groks",
];

/// Writes into the agent's own log what came from outside, and files that the agent follows could be
/// that log.
const LOG: &str = "log";

pub(super) fn all() -> Vec<Box<dyn Function>> {
    let mut functions = vrl::stdlib::all();
    functions.retain(|function| {
        let name = function.identifier();
        name != LOG && !LEFT_OUT.contains(&name)
    });
    functions
}
