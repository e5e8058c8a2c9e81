//! Checks everything that Tealkeep relies on and changes nothing: with or without a server, as root or not. Each finding
//! says what is the case and how to fix it. What this user may not see is reported as unknown.

pub mod advice;
mod ask;
mod beside;
mod clock;
mod colours;
pub mod configuration;
mod cookies;
mod data;
pub mod findings;
pub mod fold;
mod former;
mod keys;
pub(crate) mod machine;
mod owners;
mod polkit;
mod pull;
mod reach;
mod requests;
mod router;
mod sandbox;
mod units;

use std::collections::HashMap;
use std::path::Path;

use advice::Machine;
use findings::{Check, Finding, Findings};

use crate::config::{AppConfig, Config};
use crate::journal::pulls::Pull;
use crate::names::AppName;

/// What [`examine`] checks.
pub struct Subject<'a> {
    /// The complete configuration.
    pub config: &'a Config,
    /// The apps to check.
    pub apps: &'a [&'a AppConfig],
    /// The name under which the laptop reaches this machine.
    pub host: &'a str,
    /// The path of the configuration.
    pub path: &'a Path,
    /// What the server knows about the laptops' pulls.
    pub pulls: &'a HashMap<AppName, Pull>,
    /// The only check to run; `None` runs all.
    pub only: Option<Check>,
}

/// Checks the machine and the apps. Takes a few seconds at most.
pub async fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let Subject {
        config,
        apps,
        host,
        path,
        pulls,
        only,
    } = *subject;
    let mut findings = Findings::new(Machine::of(config, path), only);
    if findings.wants(&[Check::Owners]) {
        owners::machine(&mut findings, config, path);
    }
    if findings.machine.has_service {
        if findings.wants(&[Check::Units]) {
            units::machine(&mut findings).await;
        }
        if findings.wants(&[Check::Keys]) {
            keys::look(&mut findings, config).await;
        }
    }
    if findings.wants(&[Check::Clock]) {
        clock::look(&mut findings, config).await;
    }
    if findings.wants(&[Check::Sandbox]) {
        sandbox::look(&mut findings).await;
    }
    for app in apps {
        findings.app = Some(app.name.clone());
        if findings.wants(&[Check::Owners]) {
            owners::app(&mut findings, app);
        }
        if findings.wants(&[Check::Units, Check::Polkit, Check::Router]) {
            units::app(&mut findings, config, app, host, path).await;
        }
        if findings.wants(&[Check::Polkit]) {
            polkit::look(&mut findings, app).await;
        }
        reach::look(&mut findings, config, app).await;
        if findings.wants(&[Check::Router]) {
            cookies::look(&mut findings, app).await;
            requests::look(&mut findings, app).await;
        }
        if findings.wants(&[Check::Database, Check::Backups, Check::Space]) {
            let pull = pulls.get(&app.name);
            data::look(&mut findings, config, app, host, pull.is_some()).await;
        }
        if findings.wants(&[Check::Pull]) {
            pull::look(&mut findings, app, host, pulls.get(&app.name)).await;
        }
    }
    findings.all
}
