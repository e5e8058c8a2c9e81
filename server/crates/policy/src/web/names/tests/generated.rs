//! Names as ten tools write them, and as people do, drawn by a fixed seed: of each tool's builds at most one name in a
//! thousand may be misjudged, whichever way.

use super::*;

/// What people call things; much of it eight letters long, as checksums are.
const WORDS: &str = "\
    about access account action active add address admin agenda album alert allergy analytics anchor animate apple \
    archive arrow article asset audio author avatar badge banner bar base basket battery birthday block blog board \
    body book bookmark border bottle box branch bread bridge browser bucket budget build button cache calendar \
    camera cancel candle card care carousel cart cat category center chain change channel chapter chart chat check \
    cherry child chores circle city class clock close cloud code collapse color column comment common compact \
    company compare complete component config confirm contact content cookie copy corner country course cover create \
    credit cursor custom dark dashboard data date day default delivery design detail device dialog diary dictionary \
    dinner display document dog dose download draft drawer drop edit editor electric email empty energy error event \
    example expense export eye facebook family favicon feature feedback field file filter flag flower folder font \
    food footer form forward frame friend fruit gallery game garden generic gift github global glossary graph green \
    grid group guide habit header health heart help hero history holiday home house icon image import inbox index \
    info input install invoice item journal keyboard kitchen label landing language layout library light link list \
    loading local location login logo lunch main manager manifest map market meal media medicine member menu message \
    meter mobile modal module money month morning movie music name navigation network news night note notice \
    notification number offline onboarding option order other overview package page paint panel paper parent \
    password patient payment people phone photo picker picture pill pin placeholder plan plant player policy \
    polyfill popup portal post preview price print privacy product profile progress project prompt quick quote radio \
    recipe recent record refresh register reminder report reset review robots room route row runtime sample schedule \
    school score screen script scroll search section security select sensor server session setting settings shadow \
    share shell shopping sidebar sign single site sitemap sleep slide social sound splash spring sprite stack start \
    state static station status step stock store story street style summary support switch table tablet target task \
    team template terms test text theme ticket time title toast today toggle token tool tooltip topic total track \
    train travel tree trend update upload user utils vaccine vendor version video view visit wallet water weather \
    website week welcome widget window winter word work worker world year zone";
const LOCALES: [&str; 12] = [
    "en", "de", "fr", "en-US", "en-GB", "pt-BR", "zh-CN", "zh-Hans", "es-419", "sr-Latn", "de-AT",
    "nb-NO",
];
const SIZES: [&str; 10] = [
    "16x16",
    "32x32",
    "180x180",
    "192x192",
    "512x512",
    "640x1136",
    "1200x630",
    "2048x2732",
    "1080p60fps",
    "1024px",
];
const BASE64URL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE62: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEXADECIMAL: &[u8] = b"0123456789abcdef";

/// How many builds of each tool.
const BUILDS: usize = 120;

/// splitmix64.
struct Draw {
    state: u64,
    words: Vec<&'static str>,
}

impl Draw {
    fn of_seed(state: u64) -> Draw {
        let words = WORDS.split(' ').collect();
        Draw { state, words }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }

    fn between(&mut self, from: usize, to: usize) -> usize {
        from + self.below(to - from + 1)
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn word(&mut self) -> &'static str {
        let at = self.below(self.words.len());
        self.words[at]
    }

    fn capital(&mut self) -> String {
        let word = self.word();
        word[..1].to_uppercase() + &word[1..]
    }

    fn hash(&mut self, alphabet: &[u8], length: usize) -> String {
        let one = |draw: &mut Draw| char::from(alphabet[draw.below(alphabet.len())]);
        (0..length).map(|_| one(self)).collect()
    }

    /// What stands before a hash.
    fn stem(&mut self) -> String {
        match self.below(8) {
            0 => "index".to_owned(),
            1 => format!("{}-{}", self.word(), self.word()),
            2 => format!("{}{}", self.capital(), self.capital()),
            3 => format!("{}{}", self.word(), self.capital()),
            4 => format!("_{}", self.word()),
            _ => self.word().to_owned(),
        }
    }

    fn code(&mut self) -> &'static str {
        self.of(&["js", "js", "js", "css", "mjs"])
    }

    /// A file's name that a person gave.
    fn plain(&mut self) -> String {
        let ending = self.of(&[
            "js", "css", "png", "svg", "jpg", "webp", "woff2", "pdf", "json", "mp3",
        ]);
        let (year, month, day) = (
            self.between(1995, 2031),
            self.between(1, 12),
            self.between(1, 28),
        );
        let word = self.word();
        let stem = match self.below(24) {
            0..5 => word.to_owned(),
            5..8 => format!("{word}-{}", self.word()),
            8 => format!("{word}_{}", self.word()),
            9 => format!("{word}{}", self.capital()),
            10 => format!("{}{}", self.capital(), self.capital()),
            11 => format!("{word}.min"),
            12 => format!(
                "{word}-{}.{}.{}.min",
                self.below(20),
                self.below(30),
                self.below(12)
            ),
            13 => format!("{word}-v{}", self.between(1, 12)),
            14 => format!("{word}-{year}-{month:02}-{day:02}"),
            15 => format!("{word}-{year}{month:02}{day:02}"),
            16 => format!(
                "IMG_{year}{month:02}{day:02}_{:02}{:02}{:02}",
                self.below(24),
                self.below(60),
                self.below(60)
            ),
            17 => format!("{word}-{}", self.of(&SIZES)),
            18 => format!("{word}.{}", self.of(&LOCALES)),
            19 => self.of(&LOCALES).to_owned(),
            20 => format!("{word}-{}", self.between(1, 99_999)),
            21 => format!("{word}{}", self.between(1, 2031)),
            22 => format!("{word}-{}-{}", self.word(), self.word()),
            _ => word.to_uppercase(),
        };
        format!("{stem}.{ending}")
    }
}

/// How a tool names its files.
struct Tool {
    name: &'static str,
    /// A path with a hash.
    hashed: fn(&mut Draw) -> String,
    /// Where people's own files lie beside them, and of how many in a hundred.
    beside: (&'static str, usize),
}

fn tools() -> [Tool; 11] {
    [
        Tool {
            name: "Vite",
            hashed: |d| {
                let ending = d.of(&["js", "js", "css", "svg", "png", "woff2"]);
                format!("/assets/{}-{}.{ending}", d.stem(), d.hash(BASE64URL, 8))
            },
            beside: ("/assets/", 10),
        },
        Tool {
            name: "Astro",
            hashed: |d| match d.below(6) {
                0 => {
                    let (stem, hash) = (d.stem(), d.hash(BASE64URL, 8));
                    let length = d.between(5, 6);
                    let mark = d.hash(BASE62, length);
                    format!("/_astro/{stem}.{hash}_{mark}.webp")
                }
                _ => format!("/_astro/{}.{}.{}", d.stem(), d.hash(BASE64URL, 8), d.code()),
            },
            beside: ("/_astro/", 0),
        },
        Tool {
            name: "Nuxt",
            hashed: |d| match d.below(4) {
                0 => format!("/_nuxt/{}.{}.css", d.stem(), d.hash(BASE64URL, 8)),
                _ => format!("/_nuxt/{}.js", d.hash(BASE64URL, 8)),
            },
            beside: ("/_nuxt/", 0),
        },
        Tool {
            name: "SvelteKit",
            hashed: |d| match d.below(4) {
                0 => format!(
                    "/_app/immutable/assets/{}.{}.css",
                    d.stem(),
                    d.hash(BASE64URL, 8)
                ),
                1 => format!(
                    "/_app/immutable/nodes/{}.{}.js",
                    d.below(40),
                    d.hash(BASE64URL, 8)
                ),
                _ => format!("/_app/immutable/chunks/{}.js", d.hash(BASE64URL, 8)),
            },
            beside: ("/_app/", 5),
        },
        Tool {
            name: "webpack",
            hashed: |d| match d.below(5) {
                0 => format!(
                    "/static/js/{}.{}.chunk.js",
                    d.between(1, 999),
                    d.hash(HEXADECIMAL, 8)
                ),
                1 => format!("/static/media/{}.{}.svg", d.stem(), d.hash(HEXADECIMAL, 20)),
                2 => format!("/static/css/{}.{}.css", d.stem(), d.hash(HEXADECIMAL, 8)),
                _ => format!("/static/js/{}.{}.js", d.stem(), d.hash(HEXADECIMAL, 8)),
            },
            beside: ("/static/", 10),
        },
        Tool {
            name: "Parcel",
            hashed: |d| format!("/dist/{}.{}.{}", d.stem(), d.hash(HEXADECIMAL, 8), d.code()),
            beside: ("/dist/", 10),
        },
        Tool {
            name: "esbuild",
            hashed: |d| match d.below(3) {
                0 => format!("/out/chunk-{}.js", d.hash(BASE32, 8)),
                _ => format!("/out/{}-{}.{}", d.stem(), d.hash(BASE32, 8), d.code()),
            },
            beside: ("/out/", 10),
        },
        Tool {
            name: "Remix",
            hashed: |d| match d.below(4) {
                0 => format!("/build/_shared/chunk-{}.js", d.hash(BASE32, 8)),
                1 => format!("/build/routes/{}-{}.js", d.stem(), d.hash(BASE32, 8)),
                2 => format!("/build/routes/{}.$id-{}.js", d.word(), d.hash(BASE32, 8)),
                _ => format!("/build/{}-{}.{}", d.stem(), d.hash(BASE32, 8), d.code()),
            },
            beside: ("/build/", 5),
        },
        Tool {
            name: "Rails (Propshaft)",
            hashed: |d| match d.below(3) {
                0 => format!(
                    "/assets/controllers/{}_controller-{}.js",
                    d.word(),
                    d.hash(HEXADECIMAL, 8)
                ),
                _ => format!(
                    "/assets/{}-{}.{}",
                    d.stem(),
                    d.hash(HEXADECIMAL, 8),
                    d.code()
                ),
            },
            beside: ("/assets/", 5),
        },
        Tool {
            name: "Rails (Sprockets)",
            hashed: |d| {
                format!(
                    "/assets/{}-{}.{}",
                    d.stem(),
                    d.hash(HEXADECIMAL, 64),
                    d.code()
                )
            },
            beside: ("/assets/", 5),
        },
        Tool {
            name: "Django",
            hashed: |d| {
                let folder = d.of(&["css", "js", "img", "admin/css", "admin/js", "fonts"]);
                format!(
                    "/static/{folder}/{}.{}.{}",
                    d.stem(),
                    d.hash(HEXADECIMAL, 12),
                    d.code()
                )
            },
            beside: ("/static/css/", 40),
        },
    ]
}

/// Where people put their own files.
const FOLDERS: [&str; 7] = [
    "/",
    "/",
    "/icons/",
    "/images/",
    "/fonts/",
    "/js/",
    "/uploads/",
];

#[test]
fn of_each_tools_names_at_most_one_in_a_thousand_is_misjudged() {
    let mut draw = Draw::of_seed(2026);
    let mut said = String::new();
    let mut is_right = true;
    for tool in tools() {
        let (mut names_in_all, mut taken_for_mutable, mut taken_for_immutable) = (0, 0, 0);
        let mut examples = Vec::new();
        for _ in 0..BUILDS {
            let hashed = draw.between(12, 60);
            let hashed: Vec<String> = (0..hashed).map(|_| (tool.hashed)(&mut draw)).collect();
            let plain = draw.between(8, 30);
            let plain: Vec<String> = (0..plain)
                .map(|_| {
                    let name = draw.plain();
                    let is_beside = draw.below(100) < tool.beside.1;
                    let folder = if is_beside {
                        tool.beside.0
                    } else {
                        draw.of(&FOLDERS)
                    };
                    format!("{folder}{name}")
                })
                .collect();
            let mut names = Names::default();
            for path in hashed.iter().chain(&plain) {
                names.learn(&url(path));
            }
            for (path, is_hashed) in hashed
                .iter()
                .map(|path| (path, true))
                .chain(plain.iter().map(|path| (path, false)))
            {
                names_in_all += 1;
                let is_immutable = matches!(nature(&names, path), Nature::Immutable(_));
                match (is_hashed, is_immutable) {
                    (true, false) => taken_for_mutable += 1,
                    (false, true) => taken_for_immutable += 1,
                    (true, true) | (false, false) => continue,
                }
                examples.push(path.clone());
            }
        }
        let wrong = taken_for_mutable + taken_for_immutable;
        let of_a_thousand = f64::from(wrong) * 1000.0 / f64::from(names_in_all);
        said.push_str(&format!(
            "{:<18} {of_a_thousand:>5.2} of 1,000 ({names_in_all} names: {taken_for_mutable} hashed ones missed, \
             {taken_for_immutable} plain ones taken for hashed) {:?}\n",
            tool.name,
            &examples[..examples.len().min(6)]
        ));
        is_right &= of_a_thousand <= 1.0;
    }
    println!("{said}");
    assert!(is_right, "misjudged:\n{said}");
}
