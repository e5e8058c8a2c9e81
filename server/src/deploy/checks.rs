//! The checks of one app: of the idle colour before a swap, and of what people see after it and every few hours. Each has a
//! deadline, and its outcome is noted in the journal.

mod accept;
mod public;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use tokio::time::{Instant, timeout};
use url::Url;

use super::{App, Refusal, verdict};
use crate::config::policy::{Pages, is_cookie};
use crate::journal::NewEvent;
use crate::journal::checks::{Check, Judged, NewCheck, Target};
use crate::journal::runs::RunId;
use crate::names::{Colour, ReleaseId};
use crate::policy::{self, Order, Site};
use crate::runtime::ColourState;
use public::{news, see};

/// How long the check of an idle colour may take: a deploy waits for it.
const IDLE_WITHIN: Duration = Duration::from_secs(60);
/// How long the check of what people see may take: nobody waits for it, and the site may be far away.
const PUBLIC_WITHIN: Duration = Duration::from_secs(180);
/// The longest cookie that is read from a file, in bytes; browsers keep none that is longer.
const MAX_COOKIE_BYTES: u64 = 16 * 1024;

/// What is to be checked before a swap.
pub(super) struct BeforeSwap<'a> {
    pub run: RunId,
    pub release: &'a ReleaseId,
    pub previous: Option<&'a ReleaseId>,
    pub to: Colour,
    pub from: Colour,
}

impl App {
    /// Whether what people see is being checked now.
    #[must_use]
    pub fn is_checking(&self) -> bool {
        self.checking.try_lock().is_err()
    }

    /// The address that people use the app at, as far as it is known: what findings are told by.
    ///
    /// # Errors
    /// The configured one is no address.
    fn origin(&self) -> anyhow::Result<Url> {
        match &self.config.url {
            Some(url) => Url::parse(&url.to_string()),
            None => Url::parse(&format!(
                "http://localhost:{}",
                self.router.entrance().port()
            )),
        }
        .context("the app's address can't be read")
    }

    /// What to look at, apart from what differs from check to check.
    async fn order(&self) -> anyhow::Result<Order> {
        let config = &self.config.policy;
        let mut cookies: Vec<String> = config.cookie.iter().cloned().collect();
        if let Some(file) = config.cookie_file.clone() {
            let shown = file.display().to_string();
            let read = tokio::task::spawn_blocking(move || read_cookie(&file)).await?;
            let cookie = read.with_context(|| format!("the cookie_file {shown}"))?;
            cookies.push(cookie);
        }
        Ok(Order {
            paths: config.paths.clone(),
            cookie: (!cookies.is_empty()).then(|| cookies.join("; ")),
            service_worker: config.worker.clone(),
            immutable: config.immutable.clone(),
            api_only: config.pages == Pages::None,
            older: None,
            // What a release serves is not what lies in its directory, byte by byte; the live colour is asked instead.
            release: None,
        })
    }

    /// Checks an idle colour, beside the live one where that runs on another release, and writes down what came of it.
    ///
    /// # Errors
    /// It can't be asked for as configured, or the journal can't be written.
    pub(super) async fn check_before_swap(&self, what: BeforeSwap<'_>) -> anyhow::Result<Check> {
        let origin = self.origin()?;
        let site = |colour| Site::new(origin.clone(), Some(self.runtime.address(colour)));
        let mut order = self.order().await?;
        let runs = matches!(
            self.runtime.state(what.from).await,
            ColourState::Running { .. }
        );
        if runs
            && what
                .previous
                .is_some_and(|previous| previous != what.release)
        {
            order.older = Some(site(what.from));
        }
        let began = Instant::now();
        let asked = timeout(IDLE_WITHIN, policy::check(&site(what.to), &order)).await;
        let found = match asked {
            Ok(Ok(report)) => Ok(report),
            Ok(Err(unreachable)) => Err(unreachable.to_string()),
            Err(_) => Err(late(&origin, IDLE_WITHIN)),
        };
        let check = NewCheck {
            target: Target::Idle,
            url: origin.to_string(),
            release: Some(what.release.clone()),
            run: Some(what.run),
            took: began.elapsed(),
            outcome: self.judge(found).await?,
        };
        let (check, _) = self.journal.note_check(self.name().clone(), check).await?;
        Ok(check)
    }

    async fn judge(
        &self,
        found: Result<policy::Report, String>,
    ) -> anyhow::Result<Result<Judged, String>> {
        let accepted = self.journal.acceptances(self.name().clone(), false).await?;
        Ok(found.map(|report| {
            let (verdict, findings) =
                verdict::judge(report.findings, &self.config.policy, &accepted);
            Judged {
                verdict,
                findings,
                seen: Some(report.seen),
            }
        }))
    }

    /// Checks what people see because somebody asked for it; returns when that is written down.
    ///
    /// # Errors
    /// There is nothing to check now, and why.
    pub async fn check_now(self: &Arc<Self>) -> Result<Check, Refusal> {
        self.can_be_checked().await?;
        // A task of its own: who asked may go away meanwhile.
        let app = self.clone();
        let task = self
            .tasks
            .spawn(async move { app.look_at_public(None).await });
        Ok(task.await.context("the check's task ended")??)
    }

    /// The same, for somebody who does not wait for it.
    ///
    /// # Errors
    /// As [`App::check_now`].
    pub async fn begin_check(self: &Arc<Self>) -> Result<(), Refusal> {
        self.can_be_checked().await?;
        self.check_in_background(None);
        Ok(())
    }

    async fn can_be_checked(&self) -> Result<(), Refusal> {
        if self.config.policy.is_off() {
            return Err(Refusal::Impossible(format!(
                "every policy of {} is switched off, so there is nothing to check; see [app.policy] in the configuration",
                self.name()
            )));
        }
        if let Some(run) = self.underway() {
            return Err(Refusal::Impossible(format!(
                "the {} of {} is under way; ask for a check when that is done",
                run.kind.noun(),
                run.subject
            )));
        }
        if self.releases.of_colour(self.router.live().await?).is_none() {
            return Err(Refusal::Impossible(format!(
                "{} has no live release yet that could be checked; deploy one first",
                self.name()
            )));
        }
        Ok(())
    }

    /// Checks the public address after a run that changed what people see, where there is one.
    pub(super) fn check_after(self: &Arc<Self>, run: RunId) {
        if self.config.url.is_some() && !self.config.policy.is_off() {
            self.check_in_background(Some(run));
        }
    }

    /// Checks the public address if the schedule says that it is time.
    ///
    /// # Errors
    /// The journal or the router can't be asked.
    pub async fn check_if_due(self: &Arc<Self>, now: jiff::Timestamp) -> anyhow::Result<()> {
        if self.next_check(now).await?.is_none_or(|next| next > now) || self.is_checking() {
            return Ok(());
        }
        // In the middle of a run people see two releases, or wait; its end is checked by itself.
        if self.can_be_checked().await.is_ok() {
            self.check_in_background(None);
        }
        Ok(())
    }

    /// When the public address is checked by itself again; `None` where that is never.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn next_check(
        &self,
        now: jiff::Timestamp,
    ) -> anyhow::Result<Option<jiff::Timestamp>> {
        let every = self.config.policy.every;
        if self.config.url.is_none() || self.config.policy.is_off() || every.is_zero() {
            return Ok(None);
        }
        let last = self
            .journal
            .newest_check(self.name().clone(), Target::Public)
            .await?;
        let last = last.map(|check| check.at);
        Ok(Some(crate::schedule::next_check(now, last, every)))
    }

    fn check_in_background(self: &Arc<Self>, run: Option<RunId>) {
        let app = self.clone();
        self.tasks.spawn(async move {
            if let Err(error) = app.look_at_public(run).await
                && !app.stop.is_cancelled()
            {
                tracing::error!(app = %app.name(), "what people see could not be checked: {error:#}");
            }
        });
    }

    /// One at a time; called off by the end of Tealkeep.
    async fn look_at_public(self: &Arc<Self>, run: Option<RunId>) -> anyhow::Result<Check> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => bail!("Tealkeep is being stopped; ask again when it is back"),
            checked = self.check_public(run) => checked,
        }
    }

    async fn check_public(self: &Arc<Self>, run: Option<RunId>) -> anyhow::Result<Check> {
        let turn = self.checking.lock().await;
        self.journal.touch();
        let mut live = self.router.live().await?;
        let check = loop {
            let check = self.ask_public(run, live).await?;
            let now = self.router.live().await?;
            if now == live {
                break check;
            }
            // Something else went live meanwhile: what was seen is of both.
            live = now;
        };
        let (check, before) = self.journal.note_check(self.name().clone(), check).await?;
        drop(turn);
        match news(&check, before.as_ref()) {
            Some((gravity, text)) => {
                let mut event = NewEvent::new(gravity, text).of(self.name());
                if let Some(run) = check.run {
                    event = event.in_run(run);
                }
                self.journal.note(event).await;
            }
            None => self.journal.touch(),
        }
        Ok(check)
    }

    async fn ask_public(&self, run: Option<RunId>, live: Colour) -> anyhow::Result<NewCheck> {
        let origin = self.origin()?;
        let release = self.releases.of_colour(live);
        let began = Instant::now();
        let behind = self.runtime.address(live);
        let found = match self.order().await {
            Ok(order) => {
                let public = self.config.url.is_some();
                let asked = see(&origin, behind, public, &order);
                match timeout(PUBLIC_WITHIN, asked).await {
                    Ok(found) => found,
                    Err(_) => Err(late(&origin, PUBLIC_WITHIN)),
                }
            }
            Err(error) => Err(format!("{origin} was not asked: {error:#}")),
        };
        Ok(NewCheck {
            target: match self.config.url {
                Some(_) => Target::Public,
                None => Target::Live,
            },
            url: origin.to_string(),
            release,
            run,
            took: began.elapsed(),
            outcome: self.judge(found).await?,
        })
    }
}

fn late(origin: &Url, within: Duration) -> String {
    format!(
        "{origin} was not looked through within {} s",
        within.as_secs()
    )
}

fn read_cookie(file: &std::path::Path) -> anyhow::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::open(file)?
        .take(MAX_COOKIE_BYTES)
        .read_to_string(&mut text)?;
    let cookie = text.trim();
    if !is_cookie(cookie) {
        return Err(anyhow!(
            "holds nothing that a browser could send as a cookie; write one line such as session=0123abcd"
        ));
    }
    Ok(cookie.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_one_line_of_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cookie");
        std::fs::write(&file, "session=abc; theme=dark\n").unwrap();
        assert_eq!(read_cookie(&file).unwrap(), "session=abc; theme=dark");
        for wrong in ["", "\n", "abc", "a=b\nc=d", "a=\u{e4}"] {
            std::fs::write(&file, wrong).unwrap();
            assert!(read_cookie(&file).is_err(), "{wrong:?}");
        }
        assert!(read_cookie(&dir.path().join("none")).is_err());
    }
}
