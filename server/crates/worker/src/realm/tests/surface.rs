//! The shape of the global scope as Web IDL has it, from a table of every interface; and that a script never learns
//! from a difference without its being noted.

use super::*;

/// Members that are known not to be as the table says: they work on an object that has what they need, whatever its kind.
const KNOWN: &[&str] = &[
    "URLSearchParams.entries() can be called on any object",
    "URLSearchParams.keys() can be called on any object",
    "URLSearchParams.values() can be called on any object",
    "FormData.entries() can be called on any object",
    "FormData.keys() can be called on any object",
    "FormData.values() can be called on any object",
    "Performance can be called without being constructed, or be constructed",
    "Performance.timeOrigin can be read from any object",
    "Performance.now() can be called on any object",
    "Performance.toJSON() can be called on any object",
    "Performance.mark() can be called on any object",
    "Performance.measure() can be called on any object",
    "Performance.clearMarks() can be called on any object",
    "Performance.clearMeasures() can be called on any object",
    "Performance.getEntries() can be called on any object",
    "Performance.getEntriesByName() can be called on any object",
    "Performance.getEntriesByType() can be called on any object",
];

#[test]
fn every_interface_has_the_members_that_its_specification_gives_it() {
    let table = include_str!("surface.idl");
    let walk = include_str!("surface.js");
    let wrong = says(&format!("const TABLE = `{table}`;\n{walk}"));
    let unexpected: Vec<_> = wrong
        .iter()
        .filter(|what| !KNOWN.contains(&what.as_str()))
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
}

/// The globals that were noted as missing, and what kept the script from being loaded.
fn missed(script: &str) -> Vec<String> {
    let stage = Stage::new(script);
    let loaded = stage.realm.load();
    let facts = stage.site.facts.borrow();
    let noted = facts.iter().filter_map(|fact| match fact {
        Fact::Missed { name } => Some(name.clone()),
        _ => None,
    });
    let mut noted: Vec<String> = noted.collect();
    if let Err(Failure::Missing { name }) = loaded {
        noted.push(name);
    }
    noted.dedup();
    noted
}

#[test]
fn a_missing_global_that_is_asked_for_in_any_way_is_noted() {
    for test in [
        "'GPUAdapter' in self",
        "typeof GPUAdapter === 'function'",
        "self.GPUAdapter",
        "globalThis['GPUAdapter']",
        "GPUAdapter",
        "Object.hasOwn(self, 'GPUAdapter')",
        "Object.hasOwn(self, 'GPUA' + 'dapter')",
        "self.hasOwnProperty(['GPUA', 'dapter'].join(''))",
        "Object.getOwnPropertyDescriptor(globalThis, 'GPUA' + 'dapter')",
        "Reflect.has(self, 'GPUAdap' + 'ter')",
        "Reflect.get(self, 'GPUAdap' + 'ter')",
        "['GPUAdapter'].every((name) => name in self)",
    ] {
        assert_eq!(
            missed(&format!("if ({test}) {{}}")),
            ["GPUAdapter"],
            "{test}"
        );
    }
    assert_eq!(missed("if ('fonts' in self) {}"), ["fonts"]);
    assert!(missed("const fonts = ['fonts'];").is_empty());
    // A name of the worker's own is no question.
    assert!(missed("var scheduler = { postTask() {} }; scheduler.postTask();").is_empty());
    assert!(missed("let Temporal = 1; Temporal + 1;").is_empty());
    assert!(
        missed("'fetch' in self && typeof Response && typeof window && self.document").is_empty()
    );
}

#[test]
fn the_global_scope_says_what_a_browsers_says() {
    assert_eq!(
        says(
            "console.log(Object.prototype.toString.call(self), String(self), Object.prototype.toString.call(fetch));\n\
             console.log(typeof name, 'name' in self, String(fetch).replace(/\\s+/g, ' '));\n\
             console.log(Object.keys(Object.getOwnPropertyDescriptors(Request.prototype)).includes('url'));\n\
             const seen = []; for (const key in new Request('/x')) seen.push(key); console.log(seen.includes('url'), seen.includes('clone'), seen.includes('constructor'));\n\
             console.log(Object.hasOwn(self, 'fetch'), Object.hasOwn(WorkerGlobalScope.prototype, 'fetch'), Object.hasOwn(self, 'skipWaiting'), Object.hasOwn(self, 'onfetch'));\n\
             console.log(self.toString === Object.prototype.toString, Object.prototype.toString.call(caches), Object.prototype.toString.call(navigator), Object.prototype.toString.call(registration));"
        ),
        [
            "[object ServiceWorkerGlobalScope] [object ServiceWorkerGlobalScope] [object Function]",
            "undefined false function fetch() { [native code] }",
            "true",
            "true true false",
            "false true true true",
            "true [object CacheStorage] [object WorkerNavigator] [object ServiceWorkerRegistration]",
        ]
    );
}

#[test]
fn what_is_replaceable_can_be_replaced_and_a_worker_may_have_a_name_of_its_own() {
    assert_eq!(
        says(
            "var name = 'mine'; var origin = 'http://b.test'; performance = 1; console.log(name, origin, self.origin, performance);"
        ),
        ["mine http://b.test http://b.test 1"]
    );
    assert_eq!(
        says(
            "origin = 'x'; console.log(origin, Object.keys(self).includes('origin')); isSecureContext = false; console.log(isSecureContext);"
        ),
        ["x true", "true"]
    );
}

#[test]
fn the_global_scope_is_meant_where_no_object_is_named_and_only_there() {
    assert_eq!(
        says(
            "const { fetch: f, setTimeout: s, atob: a } = self; console.log(typeof s(() => {}), a('aGk='), typeof Reflect.apply(a, null, ['aGk=']));\n\
             const get = Object.getOwnPropertyDescriptor(WorkerGlobalScope.prototype, 'self').get; console.log(get() === self, get.call(null) === self);\n\
             for (const call of [() => get.call({}), () => setTimeout.call({}, () => {}), () => WorkerGlobalScope.prototype.self, () => addEventListener.call({}, 'x', () => {})]) { try { call(); console.log('no'); } catch (e) { console.log(e.name); } }\n\
             fetch.call({}, '/x').catch((e) => console.log('late', e.name));"
        ),
        [
            "number hi string",
            "true true",
            "TypeError",
            "TypeError",
            "TypeError",
            "TypeError",
            "late TypeError"
        ]
    );
}

#[test]
fn a_small_intl_speaks_english_and_notes_what_it_cant() {
    assert_eq!(
        says(
            "console.log(new Intl.NumberFormat().format(1234567.8919), Intl.NumberFormat('en', { style: 'percent' }).format(0.256), new Intl.NumberFormat('en-US', { minimumFractionDigits: 2 }).format(5));\n\
             console.log(Intl.DateTimeFormat().format(0), new Intl.DateTimeFormat('en-US', { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hour12: false }).format(new Date(1e12)), new Intl.DateTimeFormat('en', { hour: 'numeric', minute: 'numeric' }).format(0));\n\
             console.log(Intl.DateTimeFormat().resolvedOptions().timeZone, new Intl.PluralRules('en', { type: 'ordinal' }).select(22), new Intl.PluralRules().select(1), ['b', 'A', 'a', 'B'].sort(new Intl.Collator().compare).join(''));\n\
             console.log(Object.prototype.toString.call(Intl), Object.prototype.toString.call(new Intl.Collator()), typeof Intl.Segmenter, Intl.NumberFormat.supportedLocalesOf(['en', 'de']).join());"
        ),
        [
            "1,234,567.892 26% 5.00",
            "1/1/1970 09/09/2001, 01:46 12:00 AM",
            "UTC two one aAbB",
            "[object Intl] [object Intl.Collator] function en",
        ]
    );
    for (script, name) in [
        (
            "new Intl.NumberFormat('de').format(1)",
            "Intl.NumberFormat for de",
        ),
        (
            "new Intl.DateTimeFormat('en', { dateStyle: 'full' })",
            "Intl.DateTimeFormat with dateStyle",
        ),
        ("new Intl.Segmenter()", "Intl.Segmenter"),
        (
            "new Intl.Collator().compare('ä', 'z')",
            "Intl.Collator of more than letters and digits",
        ),
    ] {
        assert_eq!(missed(&format!("try {{ {script} }} catch {{}}")), [name]);
    }
}

#[test]
fn what_the_engine_forgets_of_a_match_is_noted() {
    assert_eq!(missed("/(a)/.exec('a'); if (RegExp.$1) {}"), ["RegExp.$1"]);
    assert_eq!(missed("if ('gpu' in navigator) {}"), ["gpu"]);
    assert_eq!(missed("if (navigator.gpu) {}"), ["WorkerNavigator.gpu"]);
    assert_eq!(
        missed("registration.backgroundFetch?.fetch"),
        ["ServiceWorkerRegistration.backgroundFetch"]
    );
}
