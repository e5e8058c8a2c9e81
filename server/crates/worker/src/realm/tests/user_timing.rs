//! `performance`: User Timing Level 3, the Performance Timeline and its observers.

use super::*;

#[test]
fn the_interfaces_are_bound_as_web_idl_has_it() {
    gives(
        "const d = Object.getOwnPropertyDescriptor(WorkerGlobalScope.prototype, 'performance'); const m = performance.mark('m');",
        &[
            (
                "[typeof d.get, typeof d.set, d.enumerable, String(performance)]",
                "[\"function\",\"function\",true,\"[object Performance]\"]",
            ),
            ("new Performance()", "TypeError"),
            ("new PerformanceEntry()", "TypeError"),
            ("new PerformanceMeasure('x')", "TypeError"),
            ("new PerformanceObserverEntryList()", "TypeError"),
            ("PerformanceMark('x')", "TypeError"),
            (
                "[PerformanceMark.length, PerformanceObserver.length, performance.mark.length, performance.measure.length, performance.getEntriesByName.length, performance.clearMarks.length]",
                "[1,1,1,1,1,0]",
            ),
            (
                "[m instanceof PerformanceMark, m instanceof PerformanceEntry, Object.getPrototypeOf(PerformanceMark) === PerformanceEntry]",
                "[true,true,true]",
            ),
            ("Performance.prototype.now.call({})", "TypeError"),
            ("performance.now.call(new EventTarget())", "TypeError"),
            (
                "[performance instanceof EventTarget, typeof performance.timing, typeof performance.eventCounts, typeof EventCounts]",
                "[true,\"undefined\",\"undefined\",\"undefined\"]",
            ),
            ("performance.toJSON()", "{\"timeOrigin\":1767225600000}"),
            ("performance.onresourcetimingbufferfull", "null"),
            ("(performance = 1, performance)", "1"),
        ],
    );
}

#[test]
fn marks_are_made_kept_and_cleared() {
    gives(
        "const wait = () => new Promise(done => setTimeout(done, 10)); const names = list => list.map(e => e.name).join();",
        &[
            (
                "(e => [e.name, e.entryType, e.startTime === performance.now(), e.duration, e.detail])(performance.mark('a'))",
                "[\"a\",\"mark\",true,0,null]",
            ),
            ("performance.mark()", "TypeError"),
            ("performance.mark('x', 1)", "TypeError"),
            ("performance.mark('x', { startTime: -1 })", "TypeError"),
            ("performance.mark('x', { startTime: NaN })", "TypeError"),
            ("new PerformanceMark('x', { startTime: 5 }).startTime", "5"),
            (
                "(performance.mark('b', { startTime: 50 }), performance.mark('c', { startTime: 20 }), names(performance.getEntries()))",
                "a,c,b",
            ),
            (
                "performance.getEntriesByName('b')[0] === performance.getEntriesByType('mark')[2]",
                "true",
            ),
            (
                "[names(performance.getEntriesByName('b', 'measure')), names(performance.getEntriesByType('Mark')), names(performance.getEntriesByName('b', undefined))]",
                "[\"\",\"\",\"b\"]",
            ),
            ("performance.getEntriesByType()", "TypeError"),
            (
                "(performance.clearMarks('b'), names(performance.getEntries()))",
                "a,c",
            ),
            (
                "(performance.clearMarks(undefined), performance.getEntries().length)",
                "0",
            ),
            ("performance.mark('responseEnd').name", "responseEnd"),
            (
                "(e => JSON.stringify(e))(performance.mark('j', { startTime: 1, detail: { x: 1 } }))",
                "{\"name\":\"j\",\"entryType\":\"mark\",\"startTime\":1,\"duration\":0,\"detail\":{\"x\":1}}",
            ),
        ],
    );
}

#[test]
fn details_are_copies() {
    gives(
        "const given = { list: [1] }; const m = performance.mark('m', { detail: given }); const n = performance.measure('n', { start: 0, detail: given });",
        &[
            (
                "[m.detail === given, m.detail.list, m.detail === m.detail, n.detail === m.detail]",
                "[false,[1],true,false]",
            ),
            ("performance.mark('x', { detail: null }).detail", "null"),
            ("performance.mark('x', { detail: 0 }).detail", "0"),
            (
                "performance.mark('x', { detail: Symbol() })",
                "DataCloneError",
            ),
            (
                "performance.measure('x', { start: 0, detail: () => {} })",
                "DataCloneError",
            ),
            ("performance.getEntriesByName('x').length", "2"),
        ],
    );
}

#[test]
fn measures_span_marks_and_times() {
    gives(
        "performance.mark('a', { startTime: 10 }); performance.mark('b', { startTime: 25 }); performance.mark('a', { startTime: 15 });\n\
         const m = (...a) => { const e = performance.measure('m', ...a); return [e.startTime, e.startTime + e.duration === performance.now() ? 'now' : e.duration]; };",
        &[
            ("m()", "[0,\"now\"]"),
            ("m('a')", "[15,\"now\"]"),
            ("m('a', 'b')", "[15,10]"),
            ("m(undefined, 'b')", "[0,25]"),
            ("m(null, 'b')", "[0,25]"),
            ("m({}, 'b')", "[0,25]"),
            ("m({ start: 'a' })", "[15,\"now\"]"),
            ("m({ start: 5, end: 'b' })", "[5,20]"),
            ("m({ start: 'a', duration: 7 })", "[15,7]"),
            ("m({ duration: 5, end: 'b' })", "[20,5]"),
            ("m({ end: 4 })", "[0,4]"),
            ("m({ detail: 1, start: 1 }, undefined)[0]", "1"),
            ("m({ duration: 1 })", "TypeError"),
            ("m({ detail: 1 })", "TypeError"),
            ("m({ start: 1, end: 2, duration: 1 })", "TypeError"),
            ("m({ start: 1 }, 'b')", "TypeError"),
            ("m({ start: -1 })", "TypeError"),
            ("m({ start: Infinity })", "TypeError"),
            ("m('none')", "SyntaxError"),
            ("m(1.5)", "SyntaxError"),
            ("m('a', 'none')", "SyntaxError"),
            ("m('navigationStart')", "TypeError"),
            ("performance.measure()", "TypeError"),
            (
                "(performance.clearMeasures(), performance.getEntries().length)",
                "3",
            ),
        ],
    );
}

#[test]
fn observers_hear_of_entries_in_a_task() {
    gives(
        "const observe = (options, act, later = 50) => new Promise((done, fail) => { const log = []; setTimeout(() => done(log), later);\n\
           try { const o = new PerformanceObserver((list, of, more) => log.push(list.getEntries().map(e => e.name).join('+') + (of === o) + JSON.stringify(more)));\n\
             for (const each of [options].flat()) o.observe(each); act(o, log); } catch (e) { fail(e); } });\n\
         performance.mark('before');",
        &[
            (
                "PerformanceObserver.supportedEntryTypes",
                "[\"mark\",\"measure\"]",
            ),
            (
                "[PerformanceObserver.supportedEntryTypes === PerformanceObserver.supportedEntryTypes, Object.isFrozen(PerformanceObserver.supportedEntryTypes)]",
                "[true,true]",
            ),
            ("new PerformanceObserver()", "TypeError"),
            ("new PerformanceObserver({})", "TypeError"),
            (
                "observe({ entryTypes: ['mark', 'none'] }, () => { performance.mark('a'); performance.measure('x'); performance.mark('b'); })",
                "[\"a+btrue{\\\"droppedEntriesCount\\\":0}\"]",
            ),
            (
                "observe({ type: 'mark', buffered: true }, () => {})",
                "[\"before+a+btrue{\\\"droppedEntriesCount\\\":0}\"]",
            ),
            (
                "observe({ type: 'mark' }, () => { performance.clearMarks(); })",
                "[]",
            ),
            (
                "observe([{ type: 'mark' }, { type: 'measure' }], () => { performance.mark('c'); performance.measure('d', 'c'); })",
                "[\"c+dtrue{\\\"droppedEntriesCount\\\":0}\"]",
            ),
            (
                "observe({ entryTypes: ['mark'] }, o => { performance.mark('e'); o.disconnect(); performance.mark('f'); })",
                "[]",
            ),
            (
                "observe({ entryTypes: ['mark'] }, (o, log) => { performance.mark('g'); log.push(o.takeRecords().length, o.takeRecords().length); })",
                "[1,0]",
            ),
            ("observe({}, () => {})", "TypeError"),
            ("observe(undefined, () => {})", "TypeError"),
            (
                "observe({ entryTypes: ['mark'], type: 'mark' }, () => {})",
                "TypeError",
            ),
            (
                "observe({ entryTypes: ['mark'], buffered: true }, () => {})",
                "TypeError",
            ),
            ("observe({ entryTypes: 'mark' }, () => {})", "TypeError"),
            (
                "observe([{ type: 'mark' }, { entryTypes: ['mark'] }], () => {})",
                "InvalidModificationError",
            ),
            (
                "observe([{ entryTypes: ['mark'] }, { type: 'mark' }], () => {})",
                "InvalidModificationError",
            ),
            (
                "observe({ type: 'none' }, () => performance.mark('h'))",
                "[]",
            ),
        ],
    );
}
