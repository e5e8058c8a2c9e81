//! A real browser on a phone's screen: Chromium, driven through its own driver, with a profile that is
//! thrown away. Where there is no Chromium the tests fail and say which packages are missing.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use thirtyfour::common::capabilities::desiredcapabilities::CapabilitiesHelper;
use thirtyfour::common::command::{Command as DriverCommand, ExtensionCommand};
use thirtyfour::extensions::cdp::ChromeDevTools;
use thirtyfour::prelude::*;
use thirtyfour::session::handle::SessionHandle;
use thirtyfour::{ChromeCapabilities, ChromiumLikeCapabilities};

use super::{House, free_port, until};

/// The width of the screen, in CSS pixels.
pub const WIDTH: u32 = 390;
const HEIGHT: u32 = 844;

/// Whether pages may run scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scripts {
    /// They may.
    On,
    /// They may not.
    Off,
}

/// One browser with one tab.
pub struct Browser {
    driver: Option<WebDriver>,
    driver_process: Child,
    origin: String,
    scripts: Scripts,
    profile: tempfile::TempDir,
}

impl Browser {
    /// A browser that looks at a house's dashboard.
    pub async fn of(house: &House, scripts: Scripts) -> Browser {
        Browser::at(&format!("http://{}", house.dashboard()), scripts).await
    }

    /// A browser that looks at a site, whose address has no slash at its end.
    pub async fn at(origin: &str, scripts: Scripts) -> Browser {
        let (program, chromium) = (found("chromedriver"), found("chromium"));
        let profile = tempfile::Builder::new()
            .prefix("tealkeep-browser-")
            .tempdir()
            .unwrap();
        let port = free_port();
        let driver_process = Command::new(program)
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut browser = Browser {
            driver: None,
            driver_process,
            origin: origin.to_owned(),
            scripts,
            profile,
        };
        let url = format!("http://127.0.0.1:{port}");
        until("chromedriver answers", async || {
            let answer = reqwest::get(format!("{url}/status")).await;
            answer.and_then(reqwest::Response::error_for_status)
        })
        .await;
        let driver = WebDriver::new(
            url,
            capabilities(&chromium, browser.profile.path(), scripts),
        )
        .await
        .unwrap();
        browser.driver = Some(driver);
        browser.proves(scripts).await;
        browser
    }

    /// Sees for itself that scripts run, or don't.
    async fn proves(&self, scripts: Scripts) {
        let page = "data:text/html,<title>without</title><p>there</p><script>document.title='with'</script>";
        self.driver().goto(page).await.unwrap();
        self.finds("p").await;
        let expected = if scripts == Scripts::On {
            "with"
        } else {
            "without"
        };
        assert_eq!(
            self.driver().title().await.unwrap(),
            expected,
            "{scripts:?}"
        );
    }

    /// What drives it.
    pub fn driver(&self) -> &WebDriver {
        self.driver.as_ref().expect("the browser runs")
    }

    /// Opens a page of the site.
    pub async fn opens(&self, path: &str) {
        self.driver()
            .goto(format!("{}{path}", self.origin))
            .await
            .unwrap();
    }

    /// The path that it is at.
    pub async fn path(&self) -> String {
        self.driver().current_url().await.unwrap().path().to_owned()
    }

    /// Waits for an element.
    #[track_caller]
    pub fn finds(&self, selector: &str) -> impl Future<Output = WebElement> {
        let by = By::Css(selector);
        until(format!("the page has {selector}"), async move || {
            self.driver().find(by.clone()).await
        })
    }

    /// Types into a field.
    pub async fn types(&self, field: &str, words: &str) {
        self.finds(&format!("[name={field}]"))
            .await
            .send_keys(words)
            .await
            .unwrap();
    }

    /// Presses the button, or follows the link, that says this, as a finger does: it must be in sight.
    #[track_caller]
    pub fn presses(&self, label: &str) -> impl Future<Output = ()> {
        let path = format!("//main//*[self::button or self::a][normalize-space(.)=\"{label}\"]");
        until(format!("{label:?} can be pressed"), async move || {
            // A page that changes in between makes an element stale; the next look finds the new one.
            let pressed = match self.driver().find(By::XPath(&path)).await {
                Ok(element) => self.touches(&element).await,
                Err(error) => Err(error),
            };
            match pressed {
                Ok(()) => Ok(()),
                Err(error) => Err(format!("{error}\n{}", self.text().await)),
            }
        })
    }

    async fn touches(&self, element: &WebElement) -> WebDriverResult<()> {
        if self.scripts == Scripts::Off {
            // The driver aims its clicks by scripts; the keyboard needs none.
            return element.send_keys(Key::Enter + "").await;
        }
        // Out from under the bar at the bottom, as a thumb would have scrolled it.
        let centred = "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})";
        self.driver()
            .execute(centred, vec![element.to_json()?])
            .await?;
        element.click().await
    }

    /// What the page says to somebody who reads it.
    pub async fn text(&self) -> String {
        match self.driver().find(By::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Waits until the page says this, without touching it.
    #[track_caller]
    pub fn sees(&self, words: &str) -> impl Future<Output = ()> {
        let words = words.to_owned();
        until(format!("the page says {words:?}"), async move || {
            let text = self.text().await;
            text.contains(&words).then_some(()).ok_or(text)
        })
    }

    /// Runs a script from outside the page.
    pub async fn evaluates(&self, script: &str) -> Value {
        self.driver()
            .execute(script, Vec::new())
            .await
            .unwrap()
            .json()
            .clone()
    }

    /// The page is no wider than the screen.
    #[track_caller]
    pub fn fits(&self) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move {
            let widths = self
                .evaluates("return [innerWidth, document.documentElement.scrollWidth, document.body.scrollWidth]")
                .await;
            assert_eq!(
                widths,
                json!([WIDTH, WIDTH, WIDTH]),
                "{at}: {} is too wide",
                self.path().await
            );
        }
    }

    /// The browser has complained of nothing: no script has failed, no policy was violated.
    #[track_caller]
    pub fn complains_of_nothing(&self) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move {
            let handle: &Arc<SessionHandle> = &self.driver().handle;
            let log: Value = handle
                .cmd(DriverCommand::ExtensionCommand(Box::new(BrowserLog)))
                .await
                .unwrap()
                .value()
                .unwrap();
            // A page that is left while its icon is still on the way says so; nothing is wrong with the icon.
            let is_left_behind = |entry: &Value| {
                let text = entry["message"].as_str().unwrap_or_default();
                text.contains("icon from the Manifest") && text.contains("Download error")
            };
            let grave = |entry: &&Value| {
                entry["level"] != "DEBUG" && entry["level"] != "INFO" && !is_left_behind(entry)
            };
            let complaints: Vec<&Value> = log.as_array().unwrap().iter().filter(grave).collect();
            assert!(complaints.is_empty(), "{at}: {complaints:#?}");
        }
    }

    /// Prefers dark or light.
    pub async fn prefers(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.tells("Emulation.setEmulatedMedia", features).await;
    }

    /// Speaks to it as its developer tools do.
    async fn tells(&self, what: &str, how: Value) -> Value {
        ChromeDevTools::new(self.driver().handle.clone())
            .execute_cdp_with_params(what, how)
            .await
            .unwrap()
    }

    /// A picture of the whole page, as a PNG.
    pub async fn picture(&self) -> Vec<u8> {
        use base64::Engine;
        let whole = json!({"format": "png", "captureBeyondViewport": true});
        let answer = self.tells("Page.captureScreenshot", whole).await;
        base64::prelude::BASE64_STANDARD
            .decode(answer["data"].as_str().unwrap())
            .unwrap()
    }

    /// Closes it.
    pub async fn closes(mut self) {
        if let Some(driver) = self.driver.take() {
            driver.quit().await.unwrap();
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // After a failure nobody says goodbye, and the driver would leave its browser behind.
        if let Some(driver) = self.driver.take() {
            let _ = driver.leak();
        }
        let _ = self.driver_process.kill();
        let _ = self.driver_process.wait();
        let own = format!("--user-data-dir={}", self.profile.path().display());
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let pid = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) else {
                continue;
            };
            let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if String::from_utf8_lossy(&words).contains(&own) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}

fn capabilities(chromium: &str, profile: &std::path::Path, scripts: Scripts) -> ChromeCapabilities {
    let mut wanted = DesiredCapabilities::chrome();
    wanted.set_binary(chromium).unwrap();
    for argument in [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--no-first-run",
        "--hide-scrollbars",
        &format!("--window-size={WIDTH},{HEIGHT}"),
        &format!("--user-data-dir={}", profile.display()),
    ] {
        wanted.add_arg(argument).unwrap();
    }
    // A window can't be as narrow as a phone; the emulated screen can, and scales as a phone's does.
    let phone = json!({"deviceMetrics": {"width": WIDTH, "height": HEIGHT, "pixelRatio": 2.0, "mobile": true, "touch": true}});
    wanted
        .add_experimental_option("mobileEmulation", phone)
        .unwrap();
    let mut preferences = json!({
        "credentials_enable_service": false,
        "profile.password_manager_enabled": false,
        "profile.password_manager_leak_detection": false,
    });
    if scripts == Scripts::Off {
        preferences["profile.managed_default_content_settings.javascript"] = json!(2);
        // The driver waits for a page's end with a script of its own, which never comes then.
        wanted
            .set_base_capability("pageLoadStrategy", "none")
            .unwrap();
    }
    wanted
        .add_experimental_option("prefs", preferences)
        .unwrap();
    wanted
        .set_base_capability("goog:loggingPrefs", json!({"browser": "ALL"}))
        .unwrap();
    wanted
}

fn found(program: &str) -> String {
    let folders = std::env::var("PATH").unwrap_or_default();
    let found = folders
        .split(':')
        .map(|folder| format!("{folder}/{program}"))
        .find(|path| std::path::Path::new(path).is_file());
    found.unwrap_or_else(|| panic!("there is no {program}: install the packages `chromium` and `chromium-driver` (tests/run does)"))
}

/// What the browser has logged since it was asked last.
#[derive(Debug)]
struct BrowserLog;

impl ExtensionCommand for BrowserLog {
    fn parameters_json(&self) -> Option<Value> {
        Some(json!({"type": "browser"}))
    }

    fn method(&self) -> http::Method {
        http::Method::POST
    }

    fn endpoint(&self) -> Arc<str> {
        "/se/log".into()
    }
}
