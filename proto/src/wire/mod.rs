//! The gRPC services: [`Ingest`](v1::ingest_client) spoken by agents, [`Queue`](v1::queue_client)
//! by stores. Written in `timberline.proto`; `tests/generated.rs` regenerates the code here.

/// Version 1 of the protocol.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::unwrap_used, clippy::needless_pass_by_value, clippy::allow_attributes_without_reason, reason = "generated code")]
#[rustfmt::skip]
#[path = "generated.rs"]
pub mod v1;
