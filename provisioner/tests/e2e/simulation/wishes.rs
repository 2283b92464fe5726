//! What a user may wish for: a random `stack.yaml`, and random changes of it.

use provisioner::config::{self, Config};
use rand::{RngExt as _, rngs::StdRng};

/// The choices of a stack.yaml.
#[derive(Clone, Debug)]
pub struct Wishes {
    database: Option<&'static str>,
    balancer: Balancer,
    count: u32,
    memory: u32,
    worker: bool,
    jenkins: bool,
    retention: &'static str,
    tag: u32,
    path: &'static str,
    image: u32,
    readers: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Balancer {
    None,
    Plain,
    Domain,
}

impl Wishes {
    /// Any.
    pub fn any(chance: &mut StdRng) -> Self {
        let mut wishes = Self {
            database: None,
            balancer: Balancer::None,
            count: 1,
            memory: 512,
            worker: false,
            jenkins: false,
            retention: "30",
            tag: 0,
            path: "/healthz",
            image: 1,
            readers: false,
        };
        for which in 0..CHOICES {
            wishes.choose(which, chance);
        }
        wishes
    }

    /// Another in up to three ways.
    pub fn changed(&self, chance: &mut StdRng) -> Self {
        let mut wishes = self.clone();
        for _ in 0..chance.random_range(1..=3) {
            wishes.choose(chance.random_range(0..CHOICES), chance);
        }
        wishes
    }

    fn choose(&mut self, which: u32, chance: &mut StdRng) {
        match which {
            // Another tier is a replacement of the database, which is another story.
            0 => self.database = chance.random_bool(0.4).then(|| self.database.unwrap_or("flex")),
            1 => {
                self.balancer =
                    [Balancer::None, Balancer::Plain, Balancer::Domain][chance.random_range(0..3)];
            }
            2 => self.count = chance.random_range(0..=2),
            3 => self.memory = [512, 1024, 2048][chance.random_range(0..3)],
            4 => self.worker = chance.random_bool(0.3),
            5 => self.jenkins = chance.random_bool(0.2),
            6 => self.retention = ["7", "30", "never"][chance.random_range(0..3)],
            7 => self.tag = chance.random_range(0..3),
            8 => self.path = ["/healthz", "/ready"][chance.random_range(0..2)],
            9 => self.image = chance.random_range(1..=3),
            _ => self.readers = chance.random_bool(0.3),
        }
    }

    /// As the file.
    pub fn yaml(&self) -> String {
        let mut yaml =
            format!("name: gsm\nregion: eu-central-1\ntags: {{ n: \"{}\" }}\n", self.tag);
        yaml += &format!("logs: {{ retention_days: {} }}\n", self.retention);
        if let Some(tier) = self.database {
            yaml += &format!(
                "database:\n  {{ project: gsm, cluster: gsm-db, tier: {tier}, region: EU_CENTRAL_1, user: gsm-bot,\n    \
                 roles: [{}readWrite@gsm], allow_from: [0.0.0.0/0], protect: false }}\n",
                if self.readers { "read@other, " } else { "" }
            );
        }
        match self.balancer {
            Balancer::None => {}
            Balancer::Plain => yaml += "load_balancer: {}\n",
            Balancer::Domain => {
                yaml += "load_balancer: { domain: bot.example.com, zone: example.com }\n";
            }
        }
        yaml += &format!(
            "services:\n  bot:\n    image: example/bot:{}\n    memory: {}\n    count: {}\n",
            self.image, self.memory, self.count
        );
        if self.balancer != Balancer::None {
            yaml += &format!("    port: 8080\n    health_check: {{ path: {} }}\n", self.path);
        }
        yaml += "    secrets:\n      TOKEN: { env: TOKEN }\n      MADE_UP: { generate: 32 }\n";
        if self.database.is_some() {
            yaml += "      MONGODB_URI: { database: uri }\n";
        }
        if self.worker {
            yaml += "  worker: { image: \"example/worker:1\", environment: { A: b } }\n";
        }
        if self.jenkins {
            yaml += "ci: { jenkins: { admin_cidrs: [203.0.113.7/32] } }\n";
        }
        yaml
    }

    /// As the program reads it.
    pub fn config(&self) -> Config {
        let yaml = self.yaml();
        config::parse("stack.yaml", &yaml, &|_| None)
            .unwrap_or_else(|invalid| panic!("{}\n{yaml}", invalid.render(false)))
    }
}

/// How many choices there are.
const CHOICES: u32 = 11;
