//! Serves a simulated cloud on a port of this machine until its input ends: for boto3, the AWS CLI, or a look around.
//!
//! `cargo run -p simulator --example serve -- --port 4566 --times fast`
//!
//! - `--port`: 0, as when it is left out, means any that is free
//! - `--times`: `real`, `fast` (100 times faster), how many times faster, or `none`, as when it is left out
//! - `--seed`: decides ids, delays and faults

use std::{env, error::Error};

use simulator::{Setup, Simulator, Times};
use tokio::runtime::Builder;

fn main() -> Result<(), Box<dyn Error>> {
    let (port, setup) = read(env::args().skip(1))?;
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let served = Simulator::new(setup).serve(port).await?;
        println!("listening on {}", served.url());
        // Who started this and is killed has no time to say so, but its end of the pipe is closed.
        let (ended, end) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let read = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            drop((read, ended));
        });
        let _ = end.await;
        Ok(())
    })
}

fn read(mut words: impl Iterator<Item = String>) -> Result<(u16, Setup), Box<dyn Error>> {
    let (mut port, mut setup) = (0, Setup::default());
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match (word.as_str(), value.as_str()) {
            ("--port", value) => port = value.parse()?,
            ("--seed", value) => setup.seed = value.parse()?,
            ("--times", "real") => setup.times = Times::real(),
            ("--times", "fast") => setup.times = Times::faster(100.0),
            ("--times", "none") => setup.times = Times::none(),
            ("--times", pace) => setup.times = Times::faster(pace.parse()?),
            (word, value) => return Err(format!("unknown: {word} {value}").into()),
        }
    }
    Ok((port, setup))
}
