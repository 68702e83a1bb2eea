//! `scripts/setup.sh` on machines with stand-ins for package managers, and what a user sees when OpenBLAS is missing.
#![cfg(unix)]

#[allow(dead_code)] // shared with tests/fetch_data.rs
mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Machine, Outcome, outcome};

const ROOT: &str = "0";
const USER: &str = "1000";
const TOOLS: [&str; 4] = ["bash", "env", "mktemp", "rm"];

/// The package managers, and the command each gets on a machine that has nothing.
const INSTALL: [(&str, &str); 5] = [
    ("apt-get", "apt-get install -y --no-install-recommends libopenblas-dev pkg-config gcc libc6-dev"),
    ("dnf", "dnf install -y openblas-devel pkgconf-pkg-config gcc"),
    ("pacman", "pacman -S --needed --noconfirm openblas pkgconf gcc"),
    ("zypper", "zypper --non-interactive install openblas-devel pkgconf-pkg-config gcc"),
    ("apk", "apk add openblas-dev pkgconf gcc musl-dev"),
];

/// A machine with Rust, one package manager, and nothing else. Its stand-ins note how they are called in `log`.
fn bare_machine(manager: &str, user: &str) -> Machine {
    let machine = Machine::with_tools(&TOOLS);
    let log = machine.path("log").display().to_string();
    let note = format!(r#"echo "${{DEBIAN_FRONTEND:+$DEBIAN_FRONTEND }}${{0##*/}} $*" >>'{log}'"#);
    machine.stub("id", &format!("echo {user}"));
    machine.stub("cargo", "");
    machine.stub("sudo", &format!("{note}\nexec \"$@\""));
    machine.stub("apt-cache", &note); // every package is known
    let bin = machine.path("bin").display().to_string();
    // What is installed appears where the installed tool would: a compiler that finds OpenBLAS, and a pkg-config.
    let install = format!(
        r#"{note}
        [ "$1" != list ] || [ -e '{bin}'/pkg-config ] || exit 1 # brew, asked what it has
        [[ " $* " == *" install "* || " $* " == *" add "* || " $* " == *" -S "* ]] || exit 0
        for tool in cc pkg-config; do echo '#!{bin}/bash' >'{bin}'/$tool; {chmod} +x '{bin}'/$tool; done"#,
        chmod = common::find("chmod").unwrap().display(),
    );
    machine.stub(manager, &install);
    machine
}

fn log(machine: &Machine) -> Vec<String> {
    fs::read_to_string(machine.path("log")).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// The log without questions: only what changes the machine.
fn changes(machine: &Machine) -> Vec<String> {
    log(machine).into_iter().filter(|line| !line.starts_with("apt-cache")).collect()
}

#[test]
fn root_installs_with_each_package_manager() {
    for (manager, command) in INSTALL {
        let machine = bare_machine(manager, ROOT);
        let Outcome { code, stdout, stderr } = machine.run("setup.sh", &[]);
        assert_eq!(code, 0, "{manager}: {stderr}");
        let noninteractive = if manager == "apt-get" { "noninteractive " } else { "" };
        assert_eq!(changes(&machine), [format!("{noninteractive}{command}")]);
        assert!(stdout.starts_with("setup: missing: openblas pkg-config compiler\n"), "{stdout}");
        assert!(stdout.ends_with("setup: done.\n"), "{stdout}");
    }
}

#[test]
fn a_user_installs_through_sudo() {
    for (manager, command) in INSTALL {
        let machine = bare_machine(manager, USER);
        assert_eq!(machine.run("setup.sh", &[]).code, 0);
        let (environment, noninteractive) =
            if manager == "apt-get" { ("env DEBIAN_FRONTEND=noninteractive ", "noninteractive ") } else { ("", "") };
        assert_eq!(changes(&machine), [format!("sudo {environment}{command}"), format!("{noninteractive}{command}")]);
    }
}

#[test]
fn homebrew_is_never_run_as_root_and_brings_no_compiler() {
    let machine = bare_machine("brew", USER);
    machine.stub("cc", r#"[[ "$*" != *-lopenblas* ]]"#);
    let Outcome { code, stdout, stderr } = machine.run("setup.sh", &[]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    let installed: Vec<_> = changes(&machine).into_iter().filter(|line| line.contains("install")).collect();
    assert_eq!(installed, ["brew install openblas pkgconf"]);

    let machine = bare_machine("brew", USER);
    assert!(machine.run("setup.sh", &[]).stdout.contains("xcode-select --install"));
}

#[test]
fn only_what_is_missing_is_installed() {
    let machine = bare_machine("apt-get", ROOT);
    machine.stub("cc", r#"[[ "$*" != *-lopenblas* ]]"#);
    assert_eq!(machine.run("setup.sh", &[]).code, 0);
    let expected = "noninteractive apt-get install -y --no-install-recommends libopenblas-dev pkg-config";
    assert_eq!(changes(&machine), [expected]);
}

#[test]
fn nothing_is_done_where_all_is_there() {
    for (manager, _) in INSTALL {
        let machine = bare_machine(manager, ROOT);
        machine.stub("cc", "");
        machine.stub("pkg-config", "");
        let Outcome { code, stdout, .. } = machine.run("setup.sh", &[]);
        assert_eq!(code, 0);
        assert_eq!(stdout, "setup: OpenBLAS, pkg-config and a C compiler are there: nothing to do.\n");
        assert!(log(&machine).is_empty());
    }
}

#[test]
fn dry_run_prints_its_commands_and_runs_none() {
    for (manager, command) in INSTALL {
        let machine = bare_machine(manager, USER);
        let Outcome { code, stdout, .. } = machine.run("setup.sh", &["--dry-run"]);
        assert_eq!(code, 0);
        assert!(stdout.contains(command) && stdout.contains("+ sudo "), "{stdout}");
        assert_eq!(changes(&machine), [""; 0]);
    }
}

#[test]
fn apt_refreshes_its_list_only_where_it_does_not_know_a_package() {
    let machine = bare_machine("apt-get", ROOT);
    machine.stub("apt-cache", "exit 100");
    assert_eq!(machine.run("setup.sh", &[]).code, 0);
    let expected = ["apt-get update", INSTALL[0].1].map(|command| format!("noninteractive {command}"));
    assert_eq!(changes(&machine), expected);
}

#[test]
fn apt_tries_again_with_a_fresh_list_where_the_old_one_fails() {
    let machine = bare_machine("apt-get", ROOT);
    let real = machine.path("bin").join("apt-get");
    let later = machine.path("apt-get");
    fs::rename(&real, &later).unwrap();
    let log = machine.path("log");
    // Fails until it was updated.
    machine.stub(
        "apt-get",
        &format!(
            "echo \"stale $*\" >>'{}'\n[ \"$1\" = update ] || exit 100\n{} -f '{}' '{}'",
            log.display(),
            common::find("mv").unwrap().display(),
            later.display(),
            real.display(),
        ),
    );
    assert_eq!(machine.run("setup.sh", &[]).code, 0);
    let install = INSTALL[0].1;
    let stale = install.replace("apt-get", "stale");
    assert_eq!(changes(&machine), [stale, "stale update".into(), format!("noninteractive {install}")]);
}

#[test]
fn failures_end_in_one_line_that_says_what_to_do() {
    let failing = bare_machine("dnf", ROOT);
    failing.stub("dnf", "exit 1");
    let useless = bare_machine("dnf", ROOT);
    useless.stub("dnf", "");
    let unknown = bare_machine("portage", ROOT);
    let powerless = bare_machine("dnf", USER);
    fs::remove_file(powerless.path("bin").join("sudo")).unwrap();
    for (machine, expected) in [
        (failing, "cargo build --release --no-default-features --features report"),
        (useless, "still missing after the installation: openblas pkg-config compiler"),
        (unknown, "Please install by hand: openblas pkg-config compiler"),
        (powerless, "Please run as root: dnf install -y openblas-devel pkgconf-pkg-config gcc"),
    ] {
        let Outcome { code, stderr, .. } = machine.run("setup.sh", &[]);
        assert_eq!(code, 1);
        assert!(stderr.starts_with("setup: error: ") && stderr.contains(expected), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}

#[test]
fn a_missing_rust_is_told_and_not_downloaded() {
    let machine = bare_machine("dnf", ROOT);
    fs::remove_file(machine.path("bin").join("cargo")).unwrap();
    machine.stub("cc", "");
    machine.stub("pkg-config", "");
    let Outcome { code, stdout, .. } = machine.run("setup.sh", &[]);
    assert_eq!(code, 0);
    assert!(
        stdout.ends_with("setup: Rust is missing too: see https://rustup.rs, then open a new terminal.\n"),
        "{stdout}"
    );
    assert!(log(&machine).is_empty());
}

/// Builds a crate with our `build.rs` and nothing else, and returns what cargo says.
///
/// `pkg_config` and `linker` are scripts that stand in for the real ones.
#[cfg(not(target_vendor = "apple"))]
fn build_with_openblas_hidden(pkg_config: &str, linker: &str) -> Outcome {
    let house = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("src")).unwrap();
    fs::write(at("src/lib.rs"), "").unwrap();
    fs::copy(house.join("build.rs"), at("build.rs")).unwrap();
    fs::copy(house.join("Cargo.lock"), at("Cargo.lock")).unwrap(); // the same pkg-config crate
    let manifest = r#"
        package = { name = "gemmnist", version = "0.1.0", edition = "2024", build = "build.rs" }
        features = { default = ["openblas"], openblas = [] }
        build-dependencies = { pkg-config = "0.3" }
    "#;
    fs::write(at("Cargo.toml"), manifest).unwrap();
    common::write_script(&at("pkg-config"), pkg_config);
    common::write_script(&at("linker"), linker);

    let host = Command::new(rustc()).args(["--print", "host-tuple"]).output().unwrap().stdout;
    let host = String::from_utf8(host).unwrap().trim().to_uppercase().replace('-', "_");
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--offline", "--quiet"]).current_dir(folder.path());
    command.env("CARGO_TARGET_DIR", at("target")).env("PKG_CONFIG", at("pkg-config"));
    command.env(format!("CARGO_TARGET_{host}_LINKER"), at("linker"));
    outcome(&mut command)
}

#[cfg(not(target_vendor = "apple"))]
fn real_linker() -> String {
    common::find("cc").expect("a C compiler is installed").display().to_string()
}

#[test]
#[cfg(not(target_vendor = "apple"))]
fn a_missing_openblas_is_one_line_that_names_the_script() {
    let linker = format!(r#"[[ "$*" != *-lopenblas* ]] && exec {} "$@""#, real_linker());
    let Outcome { code, stderr, .. } = build_with_openblas_hidden("exit 1", &linker);
    assert_ne!(code, 0);
    let told = "error: gemmnist@0.1.0: OpenBLAS was not found: run scripts/setup.sh, or build without it: \
                cargo build --release --no-default-features --features report";
    assert_eq!(stderr.lines().filter(|line| line.starts_with("error: gemmnist")).collect::<Vec<_>>(), [told]);
    // Cargo adds one line of its own, and no page of the linker's.
    assert!(stderr.trim_end().lines().count() <= 2, "{stderr}");
}

#[test]
#[cfg(not(target_vendor = "apple"))]
fn a_missing_compiler_is_one_line_that_names_the_script() {
    // Links the build script itself, then is gone.
    let linker = format!("{} \"$0\"\nexec {} \"$@\"", common::find("rm").unwrap().display(), real_linker());
    let Outcome { code, stderr, .. } = build_with_openblas_hidden("exit 1", &linker);
    assert_ne!(code, 0);
    let told = "error: gemmnist@0.1.0: OpenBLAS was not found, and no C compiler to look for it";
    assert!(stderr.starts_with(told) && stderr.contains("run scripts/setup.sh"), "{stderr}");
    assert!(stderr.trim_end().lines().count() <= 2, "{stderr}");
}

#[test]
#[cfg(not(target_vendor = "apple"))]
fn openblas_is_found_by_pkg_config_or_by_the_linker() {
    let nothing = format!(r#"[[ "$*" != *-lopenblas* ]] && exec {} "$@""#, real_linker());
    let finds = format!(r#"[[ "$*" == *-lopenblas* ]] || exec {} "$@""#, real_linker());
    for (pkg_config, linker) in [("echo 0.3.21", &nothing), ("exit 1", &finds)] {
        let Outcome { code, stderr, .. } = build_with_openblas_hidden(pkg_config, linker);
        assert_eq!((code, stderr.as_str()), (0, ""));
    }
}

/// The compiler beside the cargo that builds this test.
fn rustc() -> PathBuf {
    Path::new(env!("CARGO")).with_file_name("rustc")
}

#[test]
fn two_blas_libraries_at_once_are_refused_by_name() {
    let blas = ["openblas", "openblas-static", "accelerate", "intel-mkl", "blis"];
    let message = "two BLAS libraries were asked for";
    // No crate is at hand here, so the compiler always complains; what matters is whether it says this.
    let folder = tempfile::tempdir().unwrap();
    let says_so = |features: &[&str]| {
        let mut command = Command::new(rustc());
        command.args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "src/lib.rs", "--out-dir"]);
        command.arg(folder.path());
        command.args(features.iter().flat_map(|name| ["--cfg".to_owned(), format!("feature=\"{name}\"")]));
        outcome(command.current_dir(env!("CARGO_MANIFEST_DIR"))).stderr.contains(message)
    };
    for (index, first) in blas.into_iter().enumerate() {
        assert!(!says_so(&[first]), "{first} alone");
        for second in &blas[index + 1..] {
            assert!(says_so(&[first, second]), "{first} and {second}");
        }
    }
}
