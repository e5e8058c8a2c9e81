//! What an answer to the question for the live colour means, and what to do about a wrong one.

use std::net::SocketAddr;
use std::path::Path;

use super::ask::{Reply, Silence};
use super::site::{LOST, WELL_KNOWN};
use crate::names::Colour;

/// Judges what the site said when it was asked for its colour.
///
/// # Errors
/// What is wrong, and what mends it, in words.
pub(super) fn judge(
    said: Result<Reply, Silence>,
    live: Colour,
    entrance: SocketAddr,
    folder: &Path,
) -> Result<(), String> {
    let question = format!("http://{entrance}{WELL_KNOWN}");
    let said = match said {
        Ok(said) => said,
        Err(Silence::Refused) => {
            return Err(format!(
                "Caddy does not listen on {entrance}: start it (`systemctl start caddy`), or import this app's Caddyfile, which `tealkeep units` prints, and reload it once"
            ));
        }
        Err(Silence::Other(why)) => {
            return Err(format!(
                "Caddy does not answer {question}: {why}. Look at `journalctl -u caddy`"
            ));
        }
    };
    if said.status == 200 && said.body.is_empty() {
        return Err(format!(
            "Caddy answers {question} with an empty 200: a site on that port has a host's name in its address, so other names reach none. The address must be `http://:{}` alone, as `tealkeep units` prints it",
            entrance.port()
        ));
    }
    if said.status == 200 && said.body == LOST {
        return Err(format!(
            "Caddy can't find {0}, so it sends everything to blue, always: Caddy's user can't enter that folder. `namei -l {0}` shows who may; every folder on the way needs `chmod o+x`",
            folder.display()
        ));
    }
    match (said.status, said.body.parse::<Colour>()) {
        (200, Ok(colour)) if colour == live => Ok(()),
        (200, Ok(colour)) => Err(format!(
            "Caddy sends to {colour}, and the markers in {0} say {live}: Caddy looks into another folder, or its user can't look into this one (`namei -l {0}`; every folder on the way needs `chmod o+x`). Print this app's Caddyfile anew with `tealkeep units`, and reload Caddy once",
            folder.display()
        )),
        (status, _) => Err(format!(
            "what listens on {entrance} does not know {WELL_KNOWN} (it answered {status}): this app's Caddyfile, which `tealkeep units` prints, is not imported by /etc/caddy/Caddyfile, or something else than Caddy listens there"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str) -> Result<(), String> {
        let said = Ok(Reply {
            status,
            body: body.to_owned(),
        });
        judged_said(said)
    }

    fn judged_said(said: Result<Reply, Silence>) -> Result<(), String> {
        let entrance = SocketAddr::from(([127, 0, 0, 1], 3000));
        judge(said, Colour::Green, entrance, Path::new("/state/router"))
    }

    #[test]
    fn each_wrong_answer_names_what_mends_it() {
        assert_eq!(judged(200, "green"), Ok(()));
        for (said, words) in [
            (judged(200, ""), "address must be `http://:3000` alone"),
            (judged(200, "blue"), "`namei -l /state/router`"),
            (judged(200, "lost"), "needs `chmod o+x`"),
            (judged(404, "no such page"), "is not imported"),
            (judged(200, "<!doctype html>"), "is not imported"),
            (judged_said(Err(Silence::Refused)), "systemctl start caddy"),
            (
                judged_said(Err(Silence::Other("cut".to_owned()))),
                "journalctl -u caddy",
            ),
        ] {
            let wrong = said.unwrap_err();
            assert!(wrong.contains(words), "{wrong}");
        }
    }
}
