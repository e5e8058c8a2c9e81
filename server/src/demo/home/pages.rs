//! The pages: plain HTML, whole without JavaScript, with every text that a person wrote escaped. A page
//! says which release and which colour made it.

use std::fmt::{self, Display, Write};

use jiff::{Timestamp, Zoned};

use super::Home;
use super::household::{Chore, Dose, Item, State};

/// What every page says about being kept: a browser may hold it, and must ask before it shows it again.
pub(super) const CACHE_CONTROL: &str = "no-cache, must-revalidate";

/// The pages, in the order of the tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// What matters today.
    Today,
    /// All chores.
    Chores,
    /// Doses, due and taken.
    Medicine,
    /// The shopping list.
    Shopping,
}

impl Page {
    const ALL: [Page; 4] = [Page::Today, Page::Chores, Page::Medicine, Page::Shopping];

    /// Where it is.
    pub(super) fn path(self) -> &'static str {
        match self {
            Page::Today => "/",
            Page::Chores => "/chores",
            Page::Medicine => "/medicine",
            Page::Shopping => "/shopping",
        }
    }

    /// The page at this path.
    pub(super) fn at(path: &str) -> Option<Page> {
        Page::ALL.into_iter().find(|page| page.path() == path)
    }

    fn name(self) -> &'static str {
        match self {
            Page::Today => "Today",
            Page::Chores => "Chores",
            Page::Medicine => "Medicine",
            Page::Shopping => "Shopping",
        }
    }

    /// The shape of its tab's icon, in a square of 24.
    fn icon(self) -> &'static str {
        match self {
            Page::Today => "M4 11.5 12 5l8 6.5M6.5 10.5V19h11v-8.5",
            Page::Chores => "M4 7l1.5 1.5L8 6M4 16l1.5 1.5L8 15M12 7.5h8M12 16.5h8",
            Page::Medicine => "M10.5 19.5a4.24 4.24 0 0 1-6-6l9-9a4.24 4.24 0 0 1 6 6zM8.5 9.5l6 6",
            Page::Shopping => "M6 8h12l1 11.5H5zM9 10.5V7a3 3 0 0 1 6 0v3.5",
        }
    }
}

/// Makes one page. `ids` gives a fresh request id for each form in it.
pub(super) fn render(
    home: &Home,
    page: Page,
    state: &State,
    now: &Zoned,
    ids: &mut dyn FnMut() -> String,
) -> String {
    let mut view = View {
        home,
        page,
        state,
        now,
        ids,
        html: String::new(),
    };
    match page {
        Page::Today => {
            view.due_medicine();
            view.chores("Chores for today", |chore| chore.due, true);
            view.shopping(5, true);
            view.taken(4);
        }
        Page::Chores => {
            view.chores("To do", |chore| chore.due, false);
            view.chores("Done for now", |chore| !chore.due, false);
        }
        Page::Medicine => {
            view.due_medicine();
            view.dose_form();
            view.taken(12);
        }
        Page::Shopping => {
            view.item_form();
            view.shopping(30, false);
            view.bought();
        }
    }
    let body = view.html;
    let lead = match page {
        Page::Today => now.strftime("%A, %-d %B").to_string(),
        Page::Chores => "Whose turn it is, and what is done.".to_owned(),
        Page::Medicine => "Who took what, and when.".to_owned(),
        Page::Shopping => "What is missing at home.".to_owned(),
    };
    let heading = match page {
        Page::Today => home.release.heading.as_str(),
        Page::Chores | Page::Medicine | Page::Shopping => page.name(),
    };
    frame(home, Some(page), heading, &lead, &body)
}

/// The page for what is not there, what was asked wrongly, and what failed.
pub(super) fn message(home: &Home, heading: &str, text: &str) -> String {
    let body = format!(
        "<section><p class=\"calm\">{}</p><p><a href=\"/\">Back to today</a></p></section>",
        Escaped(text)
    );
    frame(home, None, heading, "", &body)
}

fn frame(home: &Home, page: Option<Page>, heading: &str, lead: &str, body: &str) -> String {
    let release = &home.release;
    let id = Escaped(home.settings.release_id.as_str());
    let colour = home.settings.colour.map_or("", |colour| colour.as_str());
    let slot = match (colour, home.settings.rehearsal) {
        (_, true) => "rehearsal",
        ("", false) => "on its own",
        (colour, false) => colour,
    };
    let live = if page.is_some() { " data-live" } else { "" };
    let tabs = Page::ALL.iter().fold(String::new(), |mut tabs, tab| {
        let current = if page == Some(*tab) { " aria-current=\"page\"" } else { "" };
        // Writing to a String can't fail, here and below.
        let _ = write!(
            tabs,
            "<a href=\"{}\"{current}><svg viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"{}\"/></svg>{}</a>",
            tab.path(),
            tab.icon(),
            tab.name()
        );
        tabs
    });
    format!(
        "<!doctype html>\n<html lang=\"en\" data-release=\"{id}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1, viewport-fit=cover\">\
         <title>{heading} · {title}</title>\
         <meta name=\"theme-color\" media=\"(prefers-color-scheme: light)\" content=\"{accent}\">\
         <meta name=\"theme-color\" media=\"(prefers-color-scheme: dark)\" content=\"{accent_dark}\">\
         <link rel=\"icon\" href=\"{icon}\" type=\"image/svg+xml\">\
         <link rel=\"manifest\" href=\"/manifest.webmanifest\">\
         <link rel=\"stylesheet\" href=\"{theme}\"><link rel=\"stylesheet\" href=\"{css}\">\
         <script src=\"{js}\" defer></script></head><body>\
         <header class=\"top\"><div class=\"wrap\"><div class=\"line\"><span class=\"name\">{title}</span>\
         <span class=\"slot {colour}\">{id} · {slot}</span></div><h1>{heading}</h1><p>{lead}</p></div></header>\
         <main class=\"wrap\"{live}>{body}</main>\
         <footer class=\"wrap\"><b>New in {title}:</b> {whats_new}</footer>\
         <nav class=\"tabs\" aria-label=\"Pages\"><div class=\"wrap\">{tabs}</div></nav></body></html>\n",
        heading = Escaped(heading),
        lead = Escaped(lead),
        title = Escaped(&release.title),
        accent = release.accent,
        accent_dark = release.accent_dark,
        whats_new = Escaped(&release.whats_new),
        icon = home.assets.path("icon.svg"),
        theme = home.assets.path("theme.css"),
        css = home.assets.path("home.css"),
        js = home.assets.path("home.js"),
    )
}

struct View<'a> {
    home: &'a Home,
    page: Page,
    state: &'a State,
    now: &'a Zoned,
    ids: &'a mut dyn FnMut() -> String,
    html: String,
}

impl View<'_> {
    fn put(&mut self, text: fmt::Arguments<'_>) {
        let _ = self.html.write_fmt(text);
    }

    /// The hidden fields of a form: what makes it count once, and where to go after it.
    fn hidden(&mut self) -> String {
        format!(
            "<input type=\"hidden\" name=\"request_id\" value=\"{}\"><input type=\"hidden\" name=\"back\" value=\"{}\">",
            (self.ids)(),
            self.page.path()
        )
    }

    fn due_medicine(&mut self) {
        self.put(format_args!("<section><h2>Medicine due</h2>"));
        if self.state.reminders.is_empty() {
            self.put(format_args!(
                "<p class=\"calm\">Nobody has to take anything now.</p>"
            ));
        } else {
            self.put(format_args!("<ul class=\"rows\">"));
        }
        let state = self.state;
        for reminder in &state.reminders {
            let Some(medicine) = state.medicine(reminder.medicine_id) else {
                continue;
            };
            let (hidden, face) = (self.hidden(), face(&medicine.person));
            let since = self.clock_time(reminder.due_at);
            self.put(format_args!(
                "<li>{face}<span class=\"what\"><b>{}</b><small>{} for {}, since {since}</small></span>\
                 <form method=\"post\" action=\"/doses\">{hidden}\
                 <input type=\"hidden\" name=\"medicine\" value=\"{}\"><input type=\"hidden\" name=\"person\" value=\"{}\">\
                 <button>Taken</button></form></li>",
                Escaped(&medicine.name),
                Escaped(&medicine.amount),
                Escaped(&medicine.person),
                medicine.id,
                medicine.person_id,
            ));
        }
        if !self.state.reminders.is_empty() {
            self.put(format_args!("</ul>"));
        }
        self.put(format_args!("</section>"));
    }

    fn chores(&mut self, title: &str, which: fn(&Chore) -> bool, with_link: bool) {
        let state = self.state;
        let chores: Vec<&Chore> = state.chores.iter().filter(|chore| which(chore)).collect();
        if chores.is_empty() && !with_link && self.page == Page::Chores {
            return;
        }
        let link = match with_link {
            true => "<a href=\"/chores\">all chores</a>".to_owned(),
            false => format!("<span>{}</span>", chores.len()),
        };
        self.put(format_args!("<section><h2>{title}{link}</h2>"));
        if chores.is_empty() {
            self.put(format_args!(
                "<p class=\"calm\">All done. Put your feet up.</p>"
            ));
        }
        self.put(format_args!("<ul class=\"rows\">"));
        for chore in chores {
            let (hidden, face) = (self.hidden(), face(&chore.person));
            let last = match (chore.last_done_at, &chore.last_done_by) {
                (Some(at), Some(by)) => format!("{} by {}", self.ago(at), Escaped(by)),
                _ => "never done yet".to_owned(),
            };
            let quiet = if chore.due { "" } else { " class=\"quiet\"" };
            let every = match (with_link, chore.every_days) {
                (true, _) => String::new(),
                (false, 1) => " · daily".to_owned(),
                (false, days) => format!(" · every {days} days"),
            };
            self.put(format_args!(
                "<li>{face}<span class=\"what\"><b>{}</b><small>{last}{every}</small></span>\
                 <form method=\"post\" action=\"/chores/{}/done\">{hidden}<button{quiet}>Done</button></form></li>",
                Escaped(&chore.name),
                chore.id,
            ));
        }
        self.put(format_args!("</ul></section>"));
    }

    fn shopping(&mut self, at_most: usize, with_link: bool) {
        let state = self.state;
        let count = state.shopping.len();
        let link = match with_link {
            true => "<a href=\"/shopping\">the list</a>".to_owned(),
            false => format!("<span>{count}</span>"),
        };
        self.put(format_args!("<section><h2>To buy{link}</h2>"));
        if count == 0 {
            self.put(format_args!("<p class=\"calm\">Nothing is missing.</p>"));
        }
        self.put(format_args!("<ul class=\"rows\">"));
        for item in state.shopping.iter().take(at_most) {
            let hidden = self.hidden();
            let line = self.item_line(item, item.added_at);
            self.put(format_args!(
                "<li>{line}<form method=\"post\" action=\"/shopping/{}/bought\">{hidden}\
                 <button class=\"quiet\">Bought</button></form></li>",
                item.id
            ));
        }
        self.put(format_args!("</ul></section>"));
    }

    fn bought(&mut self) {
        let state = self.state;
        self.put(format_args!(
            "<section><h2>Just bought</h2><ul class=\"rows\">"
        ));
        for item in &state.bought {
            let line = self.item_line(item, item.bought_at.unwrap_or(item.added_at));
            self.put(format_args!("<li class=\"done\">{line}</li>"));
        }
        self.put(format_args!("</ul></section>"));
    }

    fn item_line(&self, item: &Item, at: i64) -> String {
        format!(
            "{}<span class=\"what\"><b>{}</b><small>{}, {}</small></span>",
            face(&item.person),
            Escaped(&item.name),
            Escaped(&item.person),
            self.ago(at)
        )
    }

    fn taken(&mut self, at_most: usize) {
        let state = self.state;
        self.put(format_args!(
            "<section><h2>Taken lately</h2><ul class=\"rows\">"
        ));
        for dose in state.doses.iter().take(at_most) {
            let line = self.dose_line(dose);
            self.put(format_args!("<li>{line}</li>"));
        }
        self.put(format_args!("</ul></section>"));
    }

    fn dose_line(&self, dose: &Dose) -> String {
        let note = match dose.note.as_str() {
            "" => String::new(),
            note => format!(" · “{}”", Escaped(note)),
        };
        format!(
            "{}<span class=\"what\"><b>{} {}</b><small>{}, {}{note}</small></span>",
            face(&dose.person),
            Escaped(&dose.medicine),
            Escaped(&dose.amount),
            Escaped(&dose.person),
            self.ago(dose.taken_at)
        )
    }

    fn dose_form(&mut self) {
        let (hidden, people) = (self.hidden(), self.people());
        let medicines = self
            .state
            .medicines
            .iter()
            .fold(String::new(), |mut all, medicine| {
                let (name, amount) = (Escaped(&medicine.name), Escaped(&medicine.amount));
                let _ = write!(
                    all,
                    "<option value=\"{}\">{name}, {amount}</option>",
                    medicine.id
                );
                all
            });
        let note = match self.home.release.features.dose_notes {
            true => {
                "<label class=\"wide\">Note <input name=\"note\" maxlength=\"120\" placeholder=\"with breakfast\"></label>"
            }
            false => "",
        };
        self.put(format_args!(
            "<section><h2>Note a dose</h2><form method=\"post\" action=\"/doses\">{hidden}<div class=\"fields\">\
             <label>Who <select name=\"person\">{people}</select></label>\
             <label>What <select name=\"medicine\">{medicines}</select></label>{note}\
             <button class=\"wide\">Taken now</button></div></form></section>"
        ));
    }

    fn item_form(&mut self) {
        let (hidden, people) = (self.hidden(), self.people());
        self.put(format_args!(
            "<section><h2>Add to the list</h2><form method=\"post\" action=\"/shopping\">{hidden}<div class=\"fields\">\
             <label>What <input name=\"name\" required maxlength=\"80\" autocomplete=\"off\" placeholder=\"Bread\"></label>\
             <label>Who <select name=\"person\">{people}</select></label>\
             <button class=\"wide\">Add</button></div></form></section>"
        ));
    }

    fn people(&self) -> String {
        self.state
            .people
            .iter()
            .fold(String::new(), |mut all, person| {
                let name = Escaped(&person.name);
                let _ = write!(all, "<option value=\"{}\">{name}</option>", person.id);
                all
            })
    }

    /// How long ago, in the words that a person would use.
    fn ago(&self, at: i64) -> String {
        let seconds = self.now.timestamp().as_second() - at;
        match seconds {
            ..60 => "just now".to_owned(),
            60..3600 => format!("{} min ago", seconds / 60),
            3600..86_400 => format!("{} h ago", seconds / 3600),
            86_400..172_800 => "yesterday".to_owned(),
            _ => format!("{} days ago", seconds / 86_400),
        }
    }

    fn clock_time(&self, at: i64) -> String {
        Timestamp::from_second(at).map_or_else(
            |_| "some time".to_owned(),
            |at| {
                let local = at.to_zoned(self.home.clock.zone().clone());
                local.strftime("%H:%M").to_string()
            },
        )
    }
}

/// A person's initial in a circle.
fn face(name: &str) -> String {
    let initial: String = name.chars().take(1).collect();
    format!(
        "<span class=\"face\" aria-hidden=\"true\">{}</span>",
        Escaped(&initial)
    )
}

/// Text as it may stand in an element or in a quoted attribute.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
