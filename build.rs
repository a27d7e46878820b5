//! Builds the page and leaves it, compressed, as a table for `src/assets.rs`.
//!
//! ```text
//! nested cargo (ui → wasm32) ─► wasm-bindgen, as a library ─► names with a digest ─► br, gz ─► OUT_DIR/assets.rs
//! ```
//!
//! Without the feature `ui` nothing happens. `TIMBERLINE_UI_SKIP=1` embeds a page that says it was
//! left out, which makes checks quick.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "ui")]
    page::build();
}

#[cfg(feature = "ui")]
mod page {
    use std::{
        env,
        ffi::OsString,
        fmt::Write as _,
        fs,
        hash::{DefaultHasher, Hash, Hasher},
        io::Write as _,
        path::{Path, PathBuf},
        process::{Command, exit},
    };

    const TARGET: &str = "wasm32-unknown-unknown";
    const PACKAGE: &str = "timberline-ui";
    const SKIP: &str = "TIMBERLINE_UI_SKIP";
    /// Leptos then forgets the types of what components draw: half the bytes, and half the time to compile.
    const ERASED: &str = "--cfg=erase_components";
    /// Smaller files are sent as they are: compressing them saves no packet.
    const COMPRESSED_BYTES_MIN: usize = 1024;

    /// A file of the page, by the name it is served under.
    struct File {
        name: String,
        bytes: Vec<u8>,
    }

    pub(crate) fn build() {
        let root = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
        let out = PathBuf::from(variable("OUT_DIR"));
        let release = variable("PROFILE") == "release";
        watch(&root);
        let skipped = env::var_os(SKIP).is_some_and(|value| !value.is_empty() && value != "0");
        let files = if skipped {
            placeholder()
        } else {
            compile(&root, &out, release)
        };
        write_table(&out, &files, release);
    }

    fn watch(root: &Path) {
        println!("cargo::rerun-if-env-changed={SKIP}");
        // What the page is made of: itself, what it shares with the store, and the versions.
        for path in ["ui", "proto/src", "proto/Cargo.toml", "Cargo.toml", "Cargo.lock"] {
            println!("cargo::rerun-if-changed={}", root.join(path).display());
        }
    }

    fn placeholder() -> Vec<File> {
        let text =
            format!("<!doctype html><title>Timberline</title><p>This build was made with {SKIP}: it has no page.");
        vec![File {
            name: "index.html".into(),
            bytes: text.into_bytes(),
        }]
    }

    fn compile(root: &Path, out: &Path, release: bool) -> Vec<File> {
        require_target();
        let profile = if release { "wasm-release" } else { "wasm-dev" };
        let target_dir = nested_target_dir(root);
        let output = nested_cargo()
            .current_dir(root)
            .args([
                "build",
                "--package",
                PACKAGE,
                "--target",
                TARGET,
                "--profile",
                profile,
                "--color",
                "never",
            ])
            .arg("--target-dir")
            .arg(&target_dir)
            .env("RUSTFLAGS", ERASED)
            .output()
            .unwrap_or_else(|error| fail(&format!("cannot start cargo to build the page: {error}")));
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            fail(&format!(
                "the page does not compile (cargo build -p {PACKAGE} --target {TARGET}):\n{errors}"
            ));
        }
        let wasm = target_dir.join(TARGET).join(profile).join(format!("{PACKAGE}.wasm"));
        let (script, wasm) = bind(&wasm, &out.join("bindgen"), release);
        assemble(&root.join("ui"), script, wasm)
    }

    /// The nested build must not wait for the lock that this build holds on its own target directory.
    fn nested_target_dir(root: &Path) -> PathBuf {
        let outer = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        outer.join("page")
    }

    /// Cargo without what the outer cargo, clippy or a coverage tool has set for the host.
    fn nested_cargo() -> Command {
        let mut command = Command::new(variable("CARGO"));
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(is_for_host) {
                command.env_remove(name);
            }
        }
        command
    }

    fn is_for_host(name: &str) -> bool {
        const NAMES: &[&str] = &[
            "CARGO_BUILD_BUILD_DIR",
            "CARGO_BUILD_TARGET",
            "CARGO_BUILD_TARGET_DIR",
            "CARGO_ENCODED_RUSTDOCFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_TARGET_DIR",
            "DEBUG",
            "HOST",
            "NUM_JOBS",
            "OPT_LEVEL",
            "OUT_DIR",
            "PROFILE",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTDOCFLAGS",
            "RUSTFLAGS",
            "TARGET",
        ];
        const PREFIXES: &[&str] = &[
            "CARGO_CFG_",
            "CARGO_FEATURE_",
            "CARGO_MANIFEST_",
            "CARGO_PKG_",
            "CARGO_PROFILE_",
            "DEP_",
        ];
        NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    }

    fn require_target() {
        let library = Command::new(variable("RUSTC"))
            .args(["--print", "target-libdir", "--target", TARGET])
            .output()
            .map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
        let installed = library.and_then(fs::read_dir).is_ok_and(|entries| {
            entries
                .flatten()
                .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
        });
        if !installed {
            fail(&format!(
                "the page needs Rust's target {TARGET}, which is not installed.\n\
                 Install it:           rustup target add {TARGET}\n\
                 or leave the page out: {SKIP}=1 cargo build"
            ));
        }
    }

    /// The JavaScript side of the module and the module itself, as wasm-bindgen makes them.
    fn bind(wasm: &Path, dir: &Path, release: bool) -> (Vec<u8>, Vec<u8>) {
        clear(dir);
        let made = wasm_bindgen_cli_support::Bindgen::new()
            .input_path(wasm)
            .out_name("page")
            .typescript(false)
            .keep_debug(!release)
            .remove_name_section(release)
            .remove_producers_section(release)
            .web(true)
            .and_then(|bindgen| bindgen.generate(dir));
        if let Err(error) = made {
            fail(&format!("wasm-bindgen failed on {}: {error:?}", wasm.display()));
        }
        if dir.join("snippets").exists() {
            fail("the page brings JavaScript snippets, which this build does not embed");
        }
        (read(&dir.join("page.js")), read(&dir.join("page_bg.wasm")))
    }

    /// Names every file after its content, so that it may be cached for ever, and ties them together.
    fn assemble(ui: &Path, script: Vec<u8>, wasm: Vec<u8>) -> Vec<File> {
        let wasm = File::named("page", "wasm", wasm);
        let script = File::named("page", "js", script);
        let icon = File::named("icon", "svg", read(&ui.join("static/icon.svg")));
        let style = File::named("page", "css", stylesheet(&ui.join("style")));
        let fill = |path: &str, boot: &str| {
            String::from_utf8_lossy(&read(&ui.join("static").join(path)))
                .replace("{{wasm}}", &wasm.name)
                .replace("{{script}}", &script.name)
                .replace("{{icon}}", &icon.name)
                .replace("{{style}}", &style.name)
                .replace("{{boot}}", boot)
                .into_bytes()
        };
        let boot = File::named("boot", "js", fill("boot.js", ""));
        let index = File {
            name: "index.html".into(),
            bytes: fill("index.html", &boot.name),
        };
        vec![index, boot, style, icon, script, wasm]
    }

    /// Every style sheet of the page in the order of their names.
    fn stylesheet(dir: &Path) -> Vec<u8> {
        let mut paths: Vec<_> = fs::read_dir(dir)
            .unwrap_or_else(|error| fail(&format!("cannot read {}: {error}", dir.display())))
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "css"))
            .collect();
        paths.sort();
        paths.iter().flat_map(|path| read(path)).collect()
    }

    fn write_table(out: &Path, files: &[File], release: bool) {
        let dir = out.join("page");
        clear(&dir);
        let mut table = String::from("&[\n");
        for file in files {
            let raw = dir.join(&file.name);
            write(&raw, &file.bytes);
            // Compressing takes seconds; a development build is fetched from loopback.
            let compress = release && file.bytes.len() >= COMPRESSED_BYTES_MIN;
            let br = compress.then(|| include(&dir, &file.name, "br", &brotli(&file.bytes)));
            let gz = compress.then(|| include(&dir, &file.name, "gz", &gzip(&file.bytes)));
            writeln!(
                table,
                "Asset {{ name: {:?}, etag: {:?}, raw: include_bytes!({raw:?}), br: {}, gz: {} }},",
                file.name,
                format!("\"{}\"", digest(&file.bytes)),
                br.unwrap_or_else(|| "None".into()),
                gz.unwrap_or_else(|| "None".into()),
            )
            .expect("a String takes every text");
        }
        table.push(']');
        write(&out.join("assets.rs"), table.as_bytes());
    }

    fn include(dir: &Path, name: &str, encoding: &str, bytes: &[u8]) -> String {
        let path = dir.join(format!("{name}.{encoding}"));
        write(&path, bytes);
        format!("Some(include_bytes!({path:?}))")
    }

    fn brotli(bytes: &[u8]) -> Vec<u8> {
        let params = brotli::enc::BrotliEncoderParams {
            quality: 11,
            lgwin: 24,
            size_hint: bytes.len(),
            ..Default::default()
        };
        let mut compressed = Vec::new();
        brotli::BrotliCompress(&mut &*bytes, &mut compressed, &params).expect("memory takes every byte");
        compressed
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder
            .write_all(bytes)
            .and_then(|()| encoder.finish())
            .expect("memory takes every byte")
    }

    impl File {
        fn named(stem: &str, extension: &str, bytes: Vec<u8>) -> File {
            File {
                name: format!("{stem}-{}.{extension}", digest(&bytes)),
                bytes,
            }
        }
    }

    /// A key for caches, not a guard against forgery.
    fn digest(bytes: &[u8]) -> String {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    fn variable(name: &str) -> OsString {
        env::var_os(name).unwrap_or_else(|| fail(&format!("cargo did not set {name}")))
    }

    fn clear(dir: &Path) {
        if dir.exists() {
            fs::remove_dir_all(dir).unwrap_or_else(|error| fail(&format!("cannot clear {}: {error}", dir.display())));
        }
        fs::create_dir_all(dir).unwrap_or_else(|error| fail(&format!("cannot create {}: {error}", dir.display())));
    }

    fn read(path: &Path) -> Vec<u8> {
        fs::read(path).unwrap_or_else(|error| fail(&format!("cannot read {}: {error}", path.display())))
    }

    fn write(path: &Path, bytes: &[u8]) {
        fs::write(path, bytes).unwrap_or_else(|error| fail(&format!("cannot write {}: {error}", path.display())));
    }

    fn fail(message: &str) -> ! {
        for line in message.lines() {
            println!("cargo::error={line}");
        }
        exit(1)
    }
}
