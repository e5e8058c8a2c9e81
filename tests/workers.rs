//! Policies that run the evidence: real service workers with the verdicts that were reasoned from reading them, the same
//! workers in a real browser, and headers over real sockets.

mod advice;
mod cases;
mod chromium;
mod engine;
mod frameworks;
mod headers;
mod site;
mod verdicts;
