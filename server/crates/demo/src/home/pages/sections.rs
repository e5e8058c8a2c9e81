//! The sections that the pages are made of: what is due, what is listed, what was done, and the forms.

use std::fmt::{self, Write};

use jiff::{Timestamp, Zoned};

use super::super::app::Home;
use super::super::household::{Chore, Dose, Item, State};
use super::escaped::Escaped;
use super::page::Page;

/// A page in the making: each section is appended to `html`.
pub(super) struct View<'a> {
    pub(super) home: &'a Home,
    pub(super) page: Page,
    pub(super) state: &'a State,
    pub(super) now: &'a Zoned,
    pub(super) ids: &'a mut dyn FnMut() -> String,
    pub(super) html: String,
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

    pub(super) fn due_medicine(&mut self) {
        self.put(format_args!("<section><h2>Medicine due</h2>"));
        if self.state.reminders.is_empty() {
            self.put(format_args!(
                "<p class=\"calm\">Nothing to take right now.</p>"
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

    pub(super) fn chores(&mut self, title: &str, which: fn(&Chore) -> bool, with_link: bool) {
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
                _ => "not done yet".to_owned(),
            };
            let quiet = if chore.due { "" } else { " class=\"quiet\"" };
            let every = match (with_link, chore.every_days) {
                (true, _) => String::new(),
                (false, 1) => "<small>daily</small>".to_owned(),
                (false, days) => format!("<small>every {days} days</small>"),
            };
            self.put(format_args!(
                "<li>{face}<span class=\"what\"><b>{}</b><small>{last}</small>{every}</span>\
                 <form method=\"post\" action=\"/chores/{}/done\">{hidden}<button{quiet}>Done</button></form></li>",
                Escaped(&chore.name),
                chore.id,
            ));
        }
        self.put(format_args!("</ul></section>"));
    }

    pub(super) fn shopping(&mut self, at_most: usize, with_link: bool) {
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

    pub(super) fn bought(&mut self) {
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

    pub(super) fn taken(&mut self, at_most: usize) {
        let state = self.state;
        self.put(format_args!(
            "<section><h2>Recently taken</h2><ul class=\"rows\">"
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

    pub(super) fn dose_form(&mut self) {
        let (hidden, people) = (self.hidden(), self.people());
        let medicines = self
            .state
            .medicines
            .iter()
            .fold(String::new(), |mut all, medicine| {
                let (name, id) = (Escaped(&medicine.name), medicine.id);
                let _ = write!(all, "<option value=\"{id}\">{name}</option>");
                all
            });
        let note = match self.home.release.features.dose_notes {
            true => {
                "<label class=\"wide\">Note <input name=\"note\" maxlength=\"120\" placeholder=\"with breakfast\"></label>"
            }
            false => "",
        };
        self.put(format_args!(
            "<section><h2>Log a dose</h2><form method=\"post\" action=\"/doses\">{hidden}<div class=\"fields\">\
             <label>Who <select name=\"person\">{people}</select></label>\
             <label>What <select name=\"medicine\">{medicines}</select></label>{note}\
             <button class=\"wide\">Taken now</button></div></form></section>"
        ));
    }

    pub(super) fn item_form(&mut self) {
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
                let local = at.to_zoned(self.home.clock.zone());
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
