//! The polkit rule: Tealkeep's user may start, stop, restart and reset exactly the units of one app, and
//! nothing else.

use super::context::UnitContext;
use super::printed::{Place, Printed};

/// What Tealkeep may do with them, in systemd's words for polkit.
pub const VERBS: [&str; 4] = ["start", "stop", "restart", "reset-failed"];

pub(super) fn file(context: &UnitContext<'_>) -> Printed {
    let name = context.name();
    let units = [&context.systemd.blue_unit, &context.systemd.green_unit];
    let units = serde_json::json!(units);
    let verbs = serde_json::json!(VERBS);
    let mut templates = Vec::new();
    if context.app.deploy.prepare.is_some() {
        templates.push("prepare");
    }
    if context.systemd.command.is_some() {
        templates.push("rehearse");
    }
    let templates = match templates.is_empty() {
        true => "false".to_owned(),
        false => format!(
            // An app's name has no special character of regular expressions.
            "/^{name}-({})@[A-Za-z0-9._-]+\\.service$/.test(unit)",
            templates.join("|")
        ),
    };
    let body = format!(
        "\
// Tealkeep may start and stop the units of {name}, and no others.
polkit.addRule(function (action, subject) {{
    if (action.id != \"org.freedesktop.systemd1.manage-units\" || subject.user != \"tealkeep\") {{
        return polkit.Result.NOT_HANDLED;
    }}
    var unit = action.lookup(\"unit\");
    var verb = action.lookup(\"verb\");
    var units = {units};
    var verbs = {verbs};
    var own = units.indexOf(unit) >= 0 || {templates};
    return own && verbs.indexOf(verb) >= 0 ? polkit.Result.YES : polkit.Result.NOT_HANDLED;
}});
"
    );
    Printed::open(
        "polkit".to_owned(),
        format!("/etc/polkit-1/rules.d/50-tealkeep-{name}.rules"),
        Place::Machine,
        body,
    )
}
