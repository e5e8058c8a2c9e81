//! The `caddy` router: marker files that a static Caddyfile asks for with each request, so that traffic does not
//! depend on Tealkeep's own life. Whether the marker `green` is there is the truth about what is live. Nothing is
//! ever reloaded: a reload restarts Caddy's listeners, which loses requests and cuts WebSockets.

mod ask;
mod file;
mod loaded;
mod markers;
mod proof;
mod reports;
mod requests;
pub mod rivals;
mod rules;
mod site;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use async_trait::async_trait;
use tokio::time::Instant;

use super::gate::Gate;
use super::{Answers, Router, Traffic, can_wait, maintenance_for, within_reach};
use crate::config::CaddySection;
use crate::durable;
use crate::names::Colour;
use markers::{Marker, Markers};
use site::{LOST, markers_folder};

pub use file::caddyfile;
pub use loaded::{Ways, ways_to_app};
pub use reports::reports_requests;
pub use requests::Requests;
pub use site::WELL_KNOWN;

/// How often the admin API is asked while requests in flight are waited for.
const POLL: Duration = Duration::from_millis(50);

/// For how long nothing may be in flight before nothing is believed to be. A request that had asked for the
/// markers just before they changed is counted only once it goes to its colour. In between, Caddy waits for nobody (it
/// reads no body first), so this need only be longer than a busy machine keeps a ready thread from running. One that
/// rests between two attempts at a colour that refuses it is in no count either: it can't reach that colour once it is
/// stopped, and then goes the way that the markers say by then (`handle_errors` in the Caddyfile).
const SETTLED: Duration = Duration::from_millis(300);

/// The `caddy` router of one app.
pub struct CaddyRouter {
    gate: Arc<Gate>,
    section: CaddySection,
    markers: Markers,
    /// `<state>/apps/<app>/active-color`
    repeated: PathBuf,
    /// The two colours', blue first, as Caddy dials them.
    addresses: [SocketAddr; 2],
    /// `None` where the configuration switches it off.
    requests: Option<Arc<Requests>>,
}

/// What it means that the site at `entrance` answers the question for the live colour so; `folder` is the app's own,
/// `<state>/apps/<app>`, and `live` what is recorded.
///
/// # Errors
/// What is wrong, and what mends it, in words.
pub fn judge(
    status: u16,
    body: &str,
    live: Colour,
    entrance: SocketAddr,
    folder: &Path,
) -> Result<(), String> {
    let said = ask::Reply {
        status,
        body: body.to_owned(),
    };
    proof::judge(Ok(said), live, entrance, &markers_folder(folder))
}

/// The colour that whoever asks for the site at `entrance` by the name `host` is sent to.
///
/// # Errors
/// What was answered instead, in words.
pub async fn colour_for(entrance: SocketAddr, host: &str) -> Result<Colour, String> {
    let said = ask::which_colour_for(entrance, host)
        .await
        .map_err(|silence| silence.to_string())?;
    let colour = said.body.parse().ok().filter(|_| said.status == 200);
    colour.ok_or_else(|| match said.body.as_str() {
        "" => format!("an empty answer with status {}", said.status),
        LOST if said.status == 200 => "that it can't find the markers".to_owned(),
        _ => format!("something else, with status {}", said.status),
    })
}

impl CaddyRouter {
    /// A router whose held requests come to `gate`; `folder` is the app's own, `<state>/apps/<app>`: the markers
    /// stand in its `router/`, and its `active-color` repeats the live colour. `requests` counts what users got, if anything
    /// does.
    #[must_use]
    pub fn new(
        gate: Arc<Gate>,
        section: CaddySection,
        folder: &Path,
        addresses: [SocketAddr; 2],
        requests: Option<Arc<Requests>>,
    ) -> CaddyRouter {
        CaddyRouter {
            gate,
            section,
            markers: Markers::new(markers_folder(folder)),
            repeated: folder.join("active-color"),
            addresses,
            requests,
        }
    }

    /// The colour that the markers in `<state>/apps/<app>/router` name; blue before the first start.
    ///
    /// # Errors
    /// The folder can't be looked into, or is gone although green was live.
    pub fn recorded(markers: &Path) -> anyhow::Result<Colour> {
        markers::recorded(markers, &markers.with_file_name("active-color"))
    }

    async fn on_disk<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Markers) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let markers = self.markers.clone();
        tokio::task::spawn_blocking(move || act(&markers))
            .await
            .context("a task that changes the markers ended")?
    }

    /// Tells the scripts. They are not what decides, so a file that can't be written is said and no more.
    async fn repeat(&self, live: Colour) {
        let files = std::iter::once(&self.repeated).chain(&self.section.active_color);
        for path in files {
            let file = path.clone();
            let written = self.on_disk(move |_| {
                use std::os::unix::fs::PermissionsExt;
                durable::write_whole(&file, format!("{live}\n").as_bytes(), 0o644)?;
                // The umask of a service may have taken it from others.
                std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644))?;
                Ok(())
            });
            if let Err(error) = written.await {
                tracing::warn!(
                    "{} does not repeat that {live} is live: {error:#}",
                    path.display()
                );
            }
        }
    }

    /// Tells the one who counts since when the markers say what they say.
    async fn count_from(&self, note: impl FnOnce(&Requests, f64)) {
        let Some(requests) = &self.requests else {
            return;
        };
        if let Ok(at) = self.on_disk(|markers| Ok(markers.changed_at())).await {
            note(requests, at);
        }
    }

    async fn in_flight(&self) -> Result<[ask::Counts; 2], String> {
        let ports = self.addresses.map(|address| address.port());
        ask::in_flight(self.section.admin, ports).await
    }
}

#[async_trait]
impl Router for CaddyRouter {
    async fn begin(&self, hold: bool) -> anyhow::Result<()> {
        if hold {
            self.gate.hold();
        }
        let live = self
            .on_disk(move |markers| {
                markers.make_whole()?;
                let maintenance = hold && markers.is_set(Marker::Maintenance)?;
                markers.set(Marker::Hold, hold && !maintenance)?;
                markers.set(Marker::Maintenance, maintenance)?;
                markers.live()
            })
            .await?;
        self.count_from(|requests, at| {
            requests.hold(at, hold);
            requests.go_live(at, live);
        })
        .await;
        self.gate.swap(live);
        self.repeat(live).await;
        Ok(())
    }

    async fn prove(&self) -> Result<(), String> {
        let found = self
            .on_disk(|markers| Ok((markers.live()?, markers.strangers()?)))
            .await;
        let (live, strangers) = found.map_err(|error| format!("{error:#}"))?;
        let folder = self.markers.folder();
        if !strangers.is_empty() {
            return Err(format!(
                "{} is for Caddy's markers alone, and holds also: {}. Remove what is not Tealkeep's",
                folder.display(),
                strangers.join(", ")
            ));
        }
        let said = ask::which_colour(self.entrance()).await;
        let Err(wrong) = proof::judge(said, live, self.entrance(), folder) else {
            return Ok(());
        };
        // Where Caddy can say why, it does.
        let own = folder.parent().unwrap_or(folder);
        let loaded = rivals::loaded(self.section.admin, self.section.listen, own).await;
        let rivals = loaded.unwrap_or_default().rivals;
        Err(match rivals.first() {
            Some(rival) => {
                format!("{wrong}. Of what Caddy has loaded, this gets the requests: {rival}")
            }
            None => wrong,
        })
    }

    async fn live(&self) -> anyhow::Result<Colour> {
        let recorded = |markers: &Markers| CaddyRouter::recorded(markers.folder());
        self.on_disk(recorded).await
    }

    async fn swap(&self, to: Colour) -> anyhow::Result<()> {
        self.on_disk(move |markers| markers.set(Marker::Green, to == Colour::Green))
            .await?;
        self.count_from(|requests, at| requests.go_live(at, to))
            .await;
        self.gate.swap(to);
        self.repeat(to).await;
        Ok(())
    }

    async fn hold(&self, estimate: Duration) -> anyhow::Result<()> {
        let can_wait = can_wait(estimate, self.section.hold_timeout);
        // The gate first: whoever is sent to it by the marker must find it holding.
        if can_wait {
            self.gate.hold();
        } else {
            self.gate.set_maintenance(Some(maintenance_for(estimate)));
        }
        self.on_disk(move |markers| {
            let (first, then) = if can_wait {
                (Marker::Hold, Marker::Maintenance)
            } else {
                (Marker::Maintenance, Marker::Hold)
            };
            markers.set(first, true)?;
            markers.set(then, false)
        })
        .await?;
        self.count_from(|requests, at| requests.hold(at, true))
            .await;
        if can_wait {
            self.gate.set_maintenance(None);
        }
        Ok(())
    }

    async fn release(&self) -> anyhow::Result<()> {
        // The markers first, so that nobody new is sent to a gate that holds no longer.
        self.on_disk(|markers| {
            markers.set(Marker::Maintenance, false)?;
            markers.set(Marker::Hold, false)
        })
        .await?;
        self.gate.set_maintenance(None);
        self.gate.release();
        self.count_from(|requests, at| requests.hold(at, false))
            .await;
        Ok(())
    }

    async fn wait_for_requests(&self, colour: Colour, deadline: Duration) -> anyhow::Result<bool> {
        let until = Instant::now() + deadline;
        let settled = SETTLED.min(deadline);
        let mut idle_since = None;
        loop {
            let asked = self.in_flight().await;
            let now = Instant::now();
            match &asked {
                Ok(counts)
                    if counts[colour as usize].requests + self.gate.in_flight(colour).requests
                        == 0 =>
                {
                    let since = *idle_since.get_or_insert(now);
                    if now.duration_since(since) >= settled {
                        return Ok(true);
                    }
                }
                Ok(_) | Err(_) => idle_since = None,
            }
            if now >= until && idle_since.is_none_or(|since| since >= until) {
                return match asked {
                    Ok(_) => Ok(false),
                    Err(wrong) => Err(anyhow!(
                        "whether requests are in flight at {colour} can't be told: {wrong}"
                    )),
                };
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn end_streams(&self, colour: Colour) {
        // Caddy can't be told to end a stream. They end when the colour is stopped; the app knows that it
        // drains from the file beside its live file. The gate's own are those of before.
        self.gate.end_streams(colour);
    }

    async fn forget(&self, colour: Colour) {
        // Caddy notices by itself that the other end of an unused connection is gone.
        self.gate.forget_connections(colour);
    }

    async fn traffic(&self) -> Traffic {
        let held_now = self.gate.is_held().map_or(0, |held| held.waiting as u64);
        // What can't be asked is not known, and shown as nothing; a run that needs it says so.
        let counts = self.in_flight().await.unwrap_or_default();
        let counted = self.answers().await.map(|[blue, green]| blue + green);
        Traffic {
            requests_in_flight: counts.map(|count| count.requests),
            streams: counts.map(|count| count.streams),
            answered: counted.map(|counted| counted.requests),
            failed: counted.map(Answers::failed),
            held_now,
        }
    }

    async fn answers(&self) -> Option<[Answers; 2]> {
        self.requests.as_ref()?.answers()
    }

    async fn reason_uncounted(&self) -> Option<String> {
        match &self.requests {
            Some(requests) => requests.reason_uncounted().await,
            None => Some("the configuration says `count_requests = false`".to_owned()),
        }
    }

    fn entrance(&self) -> SocketAddr {
        within_reach(self.section.listen)
    }
}
