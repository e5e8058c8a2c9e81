//! What real package managers make for a release, on its way through several of them: a Python venv, Bundler's gems
//! and npm's modules, all without a network. Whatever is taken over from an earlier release goes on working after that
//! one was removed; what can't be, is made anew.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{Said, TEALKEEP, colours_of, free_port, until_blocking};

/// A tool, and an app that needs what it makes.
struct Tool {
    /// Makes the app's directory on the laptop, in the working directory.
    makes_the_app: &'static str,
    /// `prepare`, for a shell.
    prepare: &'static str,
    /// `prepare_inputs`.
    input: &'static str,
    /// `command`, as TOML.
    command: &'static str,
}

const VENV: Tool = Tool {
    makes_the_app: r#"cat > household.py <<'E'
import http.server, os

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = ("<!doctype html><title>Home</title><p>" + open("number").read()).encode()
        self.send_response(200)
        self.send_header("Tealkeep-Release", os.environ["TEALKEEP_RELEASE"])
        self.send_header("Content-Type", "text/html")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

def main():
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
E
# A wheel is a zip file (PEP 427); its entry point becomes a script of the venv.
python3 - <<'E'
import zipfile
info = "household-1.0.dist-info/"
files = {
    "household.py": open("household.py").read(),
    info + "METADATA": "Metadata-Version: 2.1\nName: household\nVersion: 1.0\n",
    info + "WHEEL": "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    info + "entry_points.txt": "[console_scripts]\nhousehold = household:main\n",
}
files[info + "RECORD"] = "".join(f"{name},,\n" for name in [*files, info + "RECORD"])
with zipfile.ZipFile("household-1.0-py3-none-any.whl", "w") as wheel:
    for name, content in files.items():
        wheel.writestr(name, content)
E
rm household.py
echo ./household-1.0-py3-none-any.whl > requirements.txt
"#,
    prepare: "/usr/bin/python3 -m venv .venv && .venv/bin/pip install --quiet --no-index --disable-pip-version-check -r requirements.txt",
    input: "requirements.txt",
    command: r#"[".venv/bin/household"]"#,
};

const BUNDLER: Tool = Tool {
    makes_the_app: r#"mkdir -p gem/lib gem/exe vendor/cache
cat > gem/household.gemspec <<'E'
Gem::Specification.new do |s|
  s.name = "household"; s.version = "1.0"; s.summary = "a home"; s.authors = ["nobody"]
  s.files = ["lib/household.rb"]; s.bindir = "exe"; s.executables = ["household"]
end
E
printf '#!/usr/bin/env ruby\nrequire "household"\n' > gem/exe/household; chmod +x gem/exe/household
cat > gem/lib/household.rb <<'E'
require "socket"
server = TCPServer.new("127.0.0.1", Integer(ENV.fetch("PORT")))
loop do
  Thread.new(server.accept) do |client|
    nil until ["\r\n", nil].include?(client.gets)
    body = "<!doctype html><title>Home</title><p>" + File.read("number")
    client.write("HTTP/1.1 200 OK\r\nTealkeep-Release: #{ENV.fetch("TEALKEEP_RELEASE")}\r\nContent-Type: text/html\r\n" \
      "Cache-Control: no-cache\r\nConnection: close\r\nContent-Length: #{body.bytesize}\r\n\r\n#{body}")
    client.close
  end
end
E
(cd gem && gem build --silent household.gemspec -o ../vendor/cache/household-1.0.gem)
printf 'source "https://rubygems.org"\ngem "household"\n' > Gemfile
bundle lock --local --quiet 2>/dev/null || bundle install --local --quiet
"#,
    prepare: "bundle config set --local path vendor/bundle && bundle config set --local frozen true && bundle install --local --quiet",
    input: "Gemfile.lock",
    command: r#"["bundle", "exec", "household"]"#,
};

const NPM: Tool = Tool {
    makes_the_app: r#"mkdir lib
cat > lib/package.json <<'E'
{"name": "household", "version": "1.0.0", "main": "index.js", "bin": {"household": "index.js"}}
E
cat > lib/index.js <<'E'
#!/usr/bin/env node
const fs = require("fs")
require("http").createServer((request, response) => {
  response.setHeader("Tealkeep-Release", process.env.TEALKEEP_RELEASE)
  response.setHeader("Content-Type", "text/html")
  response.setHeader("Cache-Control", "no-cache")
  response.end("<!doctype html><title>Home</title><p>" + fs.readFileSync("number", "utf8"))
}).listen(Number(process.env.PORT), "127.0.0.1")
E
npm pack --silent ./lib >/dev/null
echo '{"name": "app", "version": "1.0.0", "dependencies": {"household": "file:household-1.0.0.tgz"}}' > package.json
npm install --offline --package-lock-only --silent --no-audit --no-fund
"#,
    prepare: "npm ci --omit=dev --offline --silent --no-audit --no-fund",
    input: "package-lock.json",
    command: r#"["node_modules/.bin/household"]"#,
};

/// A server with an app of that tool, which keeps two releases; stopped with the test.
struct Home {
    dir: tempfile::TempDir,
    gate: u16,
    process: Child,
}

impl Home {
    fn start(tool: &Tool) -> Home {
        let dir = tempfile::Builder::new()
            .prefix("tealkeep-preparations-")
            .tempdir()
            .unwrap();
        let folder = dir.path();
        for below in ["state", "data", "backups", "releases", "laptop", "home"] {
            fs::create_dir(folder.join(below)).unwrap();
        }
        fs::write(folder.join("data/app.sqlite"), "").unwrap();
        let made = Command::new("bash")
            .args(["-euo", "pipefail", "-c", tool.makes_the_app])
            .current_dir(folder.join("laptop"))
            .env("HOME", folder.join("home"))
            .output()
            .unwrap();
        Said::of(&made).succeeds();
        let at = folder.display();
        let [dashboard, gate, blue, green] = [free_port(), free_port(), free_port(), free_port()];
        let config = format!(
            "state = \"{at}/state\"\nsocket = \"{at}/control.sock\"\n[dashboard]\nlisten = \"127.0.0.1:{dashboard}\"\n\
             [[app]]\nname = \"home\"\ndatabase = \"{at}/data/app.sqlite\"\nreleases = \"{at}/releases\"\n\
             backups = \"{at}/backups\"\n[app.runtime]\ncommand = {}\nblue_port = {blue}\n\
             green_port = {green}\nstop_timeout = \"1s\"\n[app.router]\nlisten = \"127.0.0.1:{gate}\"\n\
             [app.deploy]\nprepare = [\"sh\", \"-c\", {:?}]\nprepare_inputs = [{:?}]\nkeep_releases = 2\n",
            tool.command, tool.prepare, tool.input
        );
        fs::write(folder.join("tealkeep.toml"), config).unwrap();
        let log = fs::File::create(folder.join("log")).unwrap();
        let process = Command::new(TEALKEEP)
            .args(["serve", "--config"])
            .arg(folder.join("tealkeep.toml"))
            .env("HOME", folder.join("home"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let home = Home { dir, gate, process };
        home.until("the server answers", || {
            home.tealkeep(&["status"]).code == 0
        });
        home
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    fn tealkeep(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(TEALKEEP);
        command.env("TEALKEEP_SOCKET", self.path("control.sock"));
        Said::of(&command.args(arguments).output().unwrap())
    }

    #[track_caller]
    fn until(&self, what: &str, mut wanted: impl FnMut() -> bool) {
        until_blocking(what, || {
            let log = || fs::read_to_string(self.path("log")).unwrap_or_default();
            wanted().then_some(()).ok_or_else(log)
        });
    }

    /// A release like the others but for the number that it shows.
    fn deploy(&self, id: &str) -> Said {
        let from = self.path("laptop");
        let to = self.path(&format!("built/{id}"));
        fs::create_dir_all(self.path("built")).unwrap();
        let copied = Command::new("cp").arg("-r").args([&from, &to]).status();
        assert!(copied.unwrap().success());
        fs::write(to.join("number"), id).unwrap();
        self.tealkeep(&["deploy", "home", to.to_str().unwrap()])
            .succeeds()
    }

    fn status(&self) -> Value {
        self.tealkeep(&["status", "--json"]).succeeds().json()["apps"][0].clone()
    }

    /// What the household sees.
    fn page(&self) -> String {
        let mut page = String::new();
        let asked = TcpStream::connect(("127.0.0.1", self.gate)).and_then(|mut stream| {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            stream.read_to_string(&mut page)
        });
        asked.map_or_else(|error| error.to_string(), |_| page)
    }

    /// Ends a colour's process as a crash would.
    fn kill(&self, colour: &str) -> i64 {
        let pid = self.status()["colours"][colour]["pid"].as_i64().unwrap();
        let process = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
        pid
    }

    /// Both colours are started once more, each on its release, and answer.
    fn restart_both(&self, live: &str, idle: &str) {
        let colour = self.status()["live"].as_str().unwrap().to_owned();
        let pid = self.kill(&colour);
        self.until("the live colour comes back", || {
            let state = &self.status()["colours"][&colour];
            state["state"] == "running" && state["pid"] != pid
        });
        self.until("it answers", || self.page().ends_with(live));
        let other = if colour == "blue" { "green" } else { "blue" };
        self.kill(other);
        self.until("the idle colour has ended", || {
            self.status()["colours"][other]["state"] != "running"
        });
        self.tealkeep(&["rollback", "home"]).succeeds();
        assert!(self.page().ends_with(idle), "{}", self.page());
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        for pid in colours_of(self.dir.path()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

/// Whether a file of one release is the same file in another.
fn is_shared(home: &Home, path: &str, one: &str, other: &str) -> bool {
    use std::os::unix::fs::MetadataExt;
    let inode = |release: &str| {
        let path = home.path("releases").join(release).join(path);
        path.metadata().unwrap().ino()
    };
    inode(one) == inode(other)
}

#[test]
fn a_venv_is_made_anew_for_each_release_and_outlives_the_first() {
    let home = Home::start(&VENV);
    for id in ["v1", "v2", "v3"] {
        let said = home.deploy(id);
        let told = "names this release's own path, so every release makes its own";
        assert!(said.stderr.contains(told), "{said:#?}");
    }
    assert!(!home.path("releases/v1").exists(), "it was rotated away");
    for id in ["v2", "v3"] {
        let script = home.path("releases").join(id).join(".venv/bin/household");
        let script = fs::read_to_string(script).unwrap();
        assert!(
            script.contains(&format!("releases/{id}/.venv/bin/")),
            "{script}"
        );
    }
    home.restart_both("v3", "v2");
}

#[test]
fn gems_of_bundler_are_taken_over_and_outlive_the_first_release() {
    taken_over(&BUNDLER, |home| {
        let gems = home.path("releases/v3/vendor/bundle");
        find(&gems, "household.rb")
    });
}

#[test]
fn modules_of_npm_are_taken_over_and_outlive_the_first_release() {
    taken_over(&NPM, |home| {
        home.path("releases/v3/node_modules/household/index.js")
    });
}

fn taken_over(tool: &Tool, file: impl Fn(&Home) -> PathBuf) {
    let home = Home::start(tool);
    let first = home.deploy("v1");
    assert!(!first.stderr.contains("makes its own"), "{first:#?}");
    for id in ["v2", "v3"] {
        let said = home.deploy(id);
        assert!(said.stderr.contains("through hard links"), "{said:#?}");
    }
    assert!(!home.path("releases/v1").exists(), "it was rotated away");
    let file = file(&home);
    let path = file.strip_prefix(home.path("releases/v3")).unwrap();
    assert!(is_shared(&home, path.to_str().unwrap(), "v2", "v3"));
    home.restart_both("v3", "v2");
}

fn find(folder: &Path, name: &str) -> PathBuf {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|known| known == name) {
                return path;
            }
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            }
        }
    }
    panic!("there is no {name} in {}", folder.display());
}
