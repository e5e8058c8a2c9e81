//! Writes every page, with believable data, into a directory, to be looked at in a browser:
//! `cargo run -p tealkeep-app --example gallery -- DIRECTORY`.

#[path = "gallery/sample.rs"]
mod sample;

use std::path::Path;
use std::{env, fs, io};

use tealkeep_app::assets::{self, AssetUrls};

fn main() -> io::Result<()> {
    let Some(folder) = env::args_os().nth(1) else {
        return Err(io::Error::other(
            "give the directory to write the pages into",
        ));
    };
    let folder = Path::new(&folder);
    for asset in assets::all() {
        let path = folder.join(asset.path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, asset.bytes)?;
    }
    let kinds = [
        ("", sample::full(&str::to_owned)),
        ("empty-", sample::empty()),
        ("hostile-", sample::full(&sample::hostile)),
    ];
    for (prefix, pages) in kinds {
        for (name, mut frame, page) in pages {
            frame.assets = beside(&frame.assets);
            let html = tealkeep_app::render(&frame, page);
            fs::write(folder.join(format!("{prefix}{name}.html")), html)?;
        }
    }
    Ok(())
}

/// The same files, found from a page that was opened from the disk.
fn beside(urls: &AssetUrls) -> AssetUrls {
    let relative = |url: &str| format!(".{url}");
    AssetUrls {
        css: relative(&urls.css),
        script: relative(&urls.script),
        icon: relative(&urls.icon),
        touch_icon: relative(&urls.touch_icon),
        manifest: relative(&urls.manifest),
    }
}
