//! The source of a pull: a host and a folder there, as for rsync over ssh.

use std::fmt;
use std::str::FromStr;

/// `USER@HOST:FOLDER`; the folder without a slash at its end, and `.` if none was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The host, with the user if one is named.
    pub host: String,
    folder: String,
}

impl Source {
    /// A path below the folder, as for rsync.
    pub fn path(&self, below: &str) -> String {
        format!("{}:{}/{below}", self.host, self.folder)
    }

    /// The host as for ssh: rsync needs brackets around an IPv6 address, ssh does not accept them.
    pub fn ssh_host(&self) -> String {
        self.host.replace(['[', ']'], "")
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Source, String> {
        let wrong = || {
            format!(
                "`{text}` is not a source; write the host and the backups folder there, for example \
                 tealkeep-backup@raspberrypi:/ or root@raspberrypi:/var/backups/home"
            )
        };
        // An IPv6 address is in brackets and contains colons.
        let end = text.find(']').unwrap_or(0);
        let colon = end + text[end..].find(':').ok_or_else(wrong)?;
        let (host, folder) = (&text[..colon], &text[colon + 1..]);
        let is_module = folder.starts_with(':') || folder.starts_with("//");
        let is_path = host.contains('/');
        if host.is_empty() || host.starts_with('-') || is_module || is_path {
            return Err(wrong());
        }
        if host.contains(char::is_whitespace) || folder.contains(char::is_control) {
            return Err(wrong());
        }
        let folder = match folder {
            "" => ".",
            folder => folder.trim_end_matches('/'),
        };
        Ok(Source {
            host: host.to_owned(),
            folder: folder.to_owned(),
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = match self.folder.as_str() {
            "" => "/",
            folder => folder,
        };
        write!(f, "{}:{folder}", self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_a_folder_are_told_apart() {
        for (text, path, shown) in [
            ("pi:/", "pi:/x", "pi:/"),
            (
                "t@pi:/var/backups/home/",
                "t@pi:/var/backups/home/x",
                "t@pi:/var/backups/home",
            ),
            ("pi:", "pi:./x", "pi:."),
            ("pi:backups", "pi:backups/x", "pi:backups"),
            ("t@[fe80::1]:/", "t@[fe80::1]:/x", "t@[fe80::1]:/"),
        ] {
            let source: Source = text.parse().unwrap();
            assert_eq!(source.path("x"), path);
            assert_eq!(source.to_string(), shown);
        }
        let source: Source = "t@[fe80::1]:/".parse().unwrap();
        assert_eq!(source.ssh_host(), "t@fe80::1");
        for wrong in [
            "",
            "pi",
            "/var/backups/home",
            "./a:b",
            "pi::module",
            "rsync://pi/x",
            "-oProxyCommand=x:/",
            ":/",
            "a b:/",
            "pi:/a\nb",
        ] {
            assert!(wrong.parse::<Source>().is_err(), "{wrong}");
        }
    }
}
