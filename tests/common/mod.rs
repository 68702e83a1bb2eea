//! Runs the project's shell scripts on a machine made of stand-ins: a `PATH` with nothing but what a test puts there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder that holds the whole machine: `bin` is its `PATH`, `home` its user's home.
pub struct Machine {
    root: TempDir,
}

/// What a command left behind.
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Machine {
    /// A machine with these real tools, and no other.
    pub fn with_tools(tools: &[&str]) -> Machine {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("bin")).unwrap();
        fs::create_dir(root.path().join("home")).unwrap();
        let machine = Machine { root };
        for tool in tools {
            machine.link(tool, &find(tool).unwrap_or_else(|| panic!("{tool} is not installed")));
        }
        machine
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn link(&self, tool: &str, target: &Path) {
        symlink(target, self.path("bin").join(tool)).unwrap();
    }

    /// Adds a stand-in: a shell script under the tool's name.
    pub fn stub(&self, tool: &str, script: &str) {
        write_script(&self.path("bin").join(tool), script);
    }

    /// Runs a script of `scripts/` here, with no input and no variables but those every shell has.
    pub fn run(&self, script: &str, arguments: &[&str]) -> Outcome {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(script);
        let mut command = Command::new(find("bash").expect("bash is installed"));
        command.arg(script).args(arguments).env_clear();
        command.env("PATH", self.path("bin")).env("HOME", self.path("home")).env("TMPDIR", self.root.path());
        outcome(&mut command)
    }
}

pub fn outcome(command: &mut Command) -> Outcome {
    let output = command.stdin(Stdio::null()).output().unwrap();
    Outcome {
        code: output.status.code().expect("not ended by a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub fn write_script(path: &Path, script: &str) {
    let bash = find("bash").expect("bash is installed");
    fs::write(path, format!("#!{}\n{script}\n", bash.display())).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Where a tool of the real machine is.
pub fn find(tool: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(tool)).find(|path| path.is_file())
}
