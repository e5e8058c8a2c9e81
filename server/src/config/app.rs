//! `[[app]]`: one supervised app, and the sections below it.

use std::path::{Path, PathBuf};

use super::backup::{self, BackupConfig};
use super::claims::{Claims, Content};
use super::deploy::{self, DeployConfig};
use super::health::{self, HealthConfig};
use super::machine;
use super::policy::{self, PolicyConfig};
use super::reader::{Placed, Table};
use super::router::{self, RouterConfig};
use super::runtime::{self, RuntimeConfig};
use crate::names::AppName;

/// `[[app]]`
#[derive(Debug, Clone)]
pub struct AppConfig {
    /// Its name: part of paths and of the API.
    pub name: AppName,
    /// Its live SQLite database.
    pub database: PathBuf,
    /// The backups folder, which the laptop pulls.
    pub backups: PathBuf,
    /// The folder of its releases, one directory each.
    pub releases: PathBuf,
    /// Its public address, `https://` and a host, checked after each swap. `None` skips that check.
    pub url: Option<http::Uri>,
    /// When snapshots are taken, and how many are kept.
    pub backup: BackupConfig,
    /// How a colour is started.
    pub runtime: RuntimeConfig,
    /// What sends requests to the live colour.
    pub router: RouterConfig,
    /// How a colour's health is checked.
    pub health: HealthConfig,
    /// The limits of a deploy.
    pub deploy: DeployConfig,
    /// What is checked, and what a finding does.
    pub policy: PolicyConfig,
}

impl AppConfig {
    /// The folder of the database.
    #[must_use]
    pub fn database_folder(&self) -> &Path {
        self.database.parent().unwrap_or(Path::new("/"))
    }
}

pub(super) fn read(
    table: Table<'_>,
    name: Option<Placed<AppName>>,
    claims: &mut Claims,
    on_this_machine: bool,
) -> Option<AppConfig> {
    let database = table.required::<PathBuf>("database");
    let backups = match &name {
        Some(name) => Some(table.or(
            "backups",
            Path::new("/var/backups").join(name.value.as_str()),
        )),
        None => table.optional("backups"),
    };
    let releases = table.required::<PathBuf>("releases");
    let url = table.optional::<http::Uri>("url").map(|url| url.value);
    let backup = backup::read(table.table("backup"));
    let known = name.as_ref().map(|name| &name.value);
    let runtime = runtime::read(table.table("runtime"), known, claims, on_this_machine);
    let router = router::read(table.table("router"), claims);
    let is_https = url
        .as_ref()
        .is_some_and(|url| url.scheme_str() == Some("https"));
    let health = health::read(table.table("health"), is_https);
    let deploy = deploy::read(table.table("deploy"));
    let policy = policy::read(table.table("policy"), on_this_machine);
    if on_this_machine {
        if let Some(database) = &database {
            machine::check_database(&table, database);
        }
        for folder in [&backups, &releases].into_iter().flatten() {
            machine::check_folder(&table, folder);
        }
    }
    // The folders first, so that paths inside of them are recognised as wrong, whatever their order.
    for folder in [&releases, &backups].into_iter().flatten() {
        claims.path(&table, folder, Content::Pruned, on_this_machine);
    }
    if let Some(database) = &database {
        claims.path(&table, database, Content::Kept, on_this_machine);
    }
    table.finish();
    Some(AppConfig {
        name: name?.value,
        database: database?.value,
        backups: backups?.value,
        releases: releases?.value,
        url,
        backup,
        runtime: runtime?,
        router: router?,
        health,
        deploy,
        policy,
    })
}
