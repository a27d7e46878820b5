//! The checked-in gRPC code is what `src/wire/timberline.proto` generates. After a change of the
//! proto file: `BLESS=1 cargo test -p timberline-proto --test generated`.

use std::path::Path;

#[test]
fn generated_code_is_fresh() {
    let wire = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/wire");
    let descriptors = protox::compile(["timberline.proto"], [&wire]).expect("timberline.proto compiles");
    let out = tempfile::tempdir().expect("a temporary directory");
    tonic_prost_build::configure()
        .bytes(".")
        .out_dir(out.path())
        .compile_fds(descriptors)
        .expect("tonic generates from it");
    let fresh = std::fs::read_to_string(out.path().join("timberline.v1.rs")).expect("the generated file");
    let checked_in = wire.join("generated.rs");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&checked_in, &fresh).expect("write generated.rs");
    }
    let found = std::fs::read_to_string(&checked_in).unwrap_or_default();
    assert!(
        fresh == found,
        "src/wire/generated.rs is stale: run BLESS=1 cargo test -p timberline-proto --test generated"
    );
}
