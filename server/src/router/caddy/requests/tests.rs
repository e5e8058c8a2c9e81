use super::*;

fn entry(ts: f64, duration: f64, status: u16, size: u64) -> String {
    format!(
        "{{\"level\":\"info\",\"ts\":{ts},\"logger\":\"http.log.access.log0\",\"msg\":\"handled request\",\
         \"bytes_read\":0,\"duration\":{duration},\"size\":{size},\"status\":{status}}}\n"
    )
}

fn requests() -> Requests {
    let text = "[[app]]\nname = \"home\"\ndatabase = \"/d.sqlite\"\nreleases = \"/r\"\n\
                [app.runtime]\ncommand = [\"true\"]\n[app.router]\nkind = \"caddy\"\n";
    let mut config = crate::config::Config::parse(text, false).unwrap();
    let crate::config::RouterConfig::Caddy(section) = config.apps.remove(0).router else {
        unreachable!("it says caddy");
    };
    Requests {
        section,
        known: Mutex::new(Known {
            answers: [Answers::default(); 2],
            lives: Lives::new(Colour::Blue),
            newest: None,
            malformed: 0,
            foreign: 0,
            trouble: None,
        }),
    }
}

fn answers(requests: u64, errors: u64, unanswered: u64) -> Answers {
    Answers {
        requests,
        errors,
        unanswered,
    }
}

#[test]
fn a_report_says_what_the_user_got() {
    let outcome = |status, size| {
        let report = Report::read(entry(1000.5, 0.5, status, size).as_bytes());
        report.map(|report| report.outcome)
    };
    for (status, size, expected) in [
        (200, 5, Some(Outcome::Answered)),
        (304, 0, Some(Outcome::Answered)),
        (400, 9, Some(Outcome::Answered)),
        (404, 0, Some(Outcome::Answered)),
        (500, 0, Some(Outcome::Error)),
        (503, 12, Some(Outcome::Error)),
        (502, 0, Some(Outcome::Unanswered)),
        (504, 0, Some(Outcome::Unanswered)),
        // The client went away; a WebSocket; both in Caddy 2.6.
        (499, 0, Some(Outcome::Uncounted)),
        (101, 0, Some(Outcome::Uncounted)),
        (0, 0, Some(Outcome::Uncounted)),
        (99, 0, None),
        (1000, 0, None),
    ] {
        assert_eq!(outcome(status, size), expected, "{status}");
    }
    let report = Report::read(entry(1000.5, 0.5, 200, 1).as_bytes()).unwrap();
    assert!((report.began - 1000.0).abs() < 1e-9 && (report.ended - 1000.5).abs() < 1e-9);
}

#[test]
fn whatever_is_no_report_is_nothing() {
    let long = format!("{}{}", entry(1.0, 0.0, 200, 1), " ".repeat(MAX_BYTES));
    let deep = "[".repeat(MAX_BYTES);
    for bad in [
        "",
        "x",
        "null",
        "{}",
        "[1,2,3]",
        "{\"ts\":1,\"duration\":0,\"size\":1}",
        "{\"ts\":-1,\"duration\":0,\"size\":1,\"status\":200}",
        "{\"ts\":1,\"duration\":-1,\"size\":1,\"status\":200}",
        "{\"ts\":1e999,\"duration\":0,\"size\":1,\"status\":200}",
        "{\"ts\":1,\"duration\":0,\"size\":-1,\"status\":200}",
        "{\"ts\":1,\"duration\":0,\"size\":1,\"status\":65537}",
        "{\"ts\":1,\"duration\":0,\"size\":1,\"status\":\"200\"}",
        &long,
        &deep,
    ] {
        assert_eq!(Report::read(bad.as_bytes()), None, "{bad}");
    }
    assert_eq!(Report::read(&[0xff; 100]), None);
}

#[test]
fn each_request_counts_for_the_colour_that_was_live_when_it_began() {
    let requests = requests();
    requests.go_live(1000.0, Colour::Blue);
    requests.go_live(2000.0, Colour::Green);
    // Held from 3000 to 3010; blue is live after that.
    requests.hold(3000.0, true);
    requests.go_live(3005.0, Colour::Blue);
    requests.hold(3010.0, false);
    assert_eq!(requests.answers(), None, "nothing was reported");
    for (began, took, status, size) in [
        (500.0, 1.0, 200, 1),    // blue, before anything is known
        (1999.0, 900.0, 500, 1), // blue, although green is live at its end
        (2000.5, 0.1, 200, 1),   // green
        (2999.0, 20.0, 502, 0),  // green
        (3001.0, 9.5, 200, 1),   // held: blue
        (3001.0, 2.0, 504, 0),   // held, and Caddy gave up meanwhile: what is live then
        (3011.0, 0.1, 0, 0),     // counts for nobody
    ] {
        let report = Report::read(entry(began + took, took, status, size).as_bytes());
        assert!(report.is_some());
        requests.take_in(report, true);
    }
    let expected = [answers(4, 1, 1), answers(2, 0, 1)];
    assert_eq!(requests.answers(), Some(expected));
}

#[test]
fn a_clock_that_is_set_back_confuses_nothing_that_follows() {
    let mut lives = Lives::new(Colour::Blue);
    lives.go_live(5000.0, Colour::Green);
    lives.go_live(1000.0, Colour::Blue);
    assert_eq!(lives.of(1001.0, 1002.0), Colour::Blue);
    assert_eq!(lives.of(900.0, 901.0), Colour::Blue);
    for number in 0..1000 {
        let colour = [Colour::Blue, Colour::Green][number % 2];
        lives.go_live(1000.0 + f64::from(u32::try_from(number).unwrap()), colour);
    }
    assert_eq!(lives.of(1998.5, 1999.0), Colour::Blue);
    assert_eq!(lives.of(1999.5, 1999.6), Colour::Green);
}

#[test]
fn what_is_forged_or_malformed_changes_a_counter_and_nothing_else() {
    let requests = requests();
    let forged = Report::read(entry(1000.0, 0.1, 500, 1).as_bytes());
    for _ in 0..100 {
        requests.take_in(forged, false);
        requests.take_in(Report::read(b"garbage"), false);
    }
    assert_eq!(requests.answers(), None);
    assert_eq!(requests.dropped(), (100, 100));
}
