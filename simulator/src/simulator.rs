//! The simulated cloud as a whole: requests in, answers out, each in its time and with what goes wrong.

use std::{
    collections::VecDeque,
    fmt, io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;

use crate::{
    call::Call,
    census,
    chance::Chance,
    clock::{Clock, Time},
    faults::{Fault, Faults},
    recorder::{Recorder, Seen},
    rights::Rights,
    saved::Saved,
    times::Times,
    world::World,
};

/// What a simulated cloud begins with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How long things take.
    pub times: Times,
    /// Decides ids, delays and faults.
    pub seed: u64,
    /// What time it is; None: what time it is here.
    pub now: Option<Time>,
}

impl Default for Setup {
    fn default() -> Self {
        Self { times: Times::none(), seed: 0, now: None }
    }
}

/// No answer: what the client sees of a broken connection.
#[derive(Debug)]
pub enum Broken {
    /// There was none: nobody listened. Nothing of the request was received, and nothing came of it.
    Refused,
    /// The connection was closed before an answer came.
    Reset,
    /// The connection was closed in the middle of the answer, of which this is the part that came.
    Truncated(Box<Response<Bytes>>),
}

impl fmt::Display for Broken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Refused => "connection refused",
            Self::Reset => "connection reset by peer",
            Self::Truncated(_) => "connection closed before message completed",
        })
    }
}

impl std::error::Error for Broken {}

/// A simulated cloud. Cheap to clone; all clones are the same cloud.
#[derive(Clone, Debug)]
pub struct Simulator {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    world: World,
    clock: Clock,
    /// The time at which the clock stands still.
    held: Option<Time>,
    /// Delays and faults have a chance of their own: a world does not change its ids because a call was slow.
    chance: Chance,
    faults: Faults,
    /// None: the caller may do everything.
    rights: Option<Rights>,
    recorder: Recorder,
    saved: Option<Saved>,
    /// The world as it was before each of the last changes, for stale reads; empty as long as nobody asked for any.
    past: VecDeque<(Time, World)>,
    requests: u64,
}

/// How many past worlds are kept for stale reads.
const PAST: usize = 64;

impl Simulator {
    /// One in memory.
    pub fn new(setup: Setup) -> Self {
        let now = setup.now.unwrap_or_else(wall);
        Self::with(World::new(now, setup.times, setup.seed), now, setup.seed, None)
    }

    /// One whose world is in a file, which other processes may use as well. The file is made when something changes.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or holds something else.
    pub fn open(path: &Path, setup: Setup) -> io::Result<Self> {
        let now = setup.now.unwrap_or_else(wall);
        let mut saved = Saved::at(path);
        let world = match saved.changed()? {
            Some(world) => world.with_times(setup.times),
            None => World::new(now, setup.times, setup.seed),
        };
        Ok(Self::with(world, now, setup.seed, Some(saved)))
    }

    fn with(world: World, now: Time, seed: u64, saved: Option<Saved>) -> Self {
        Self {
            inner: Arc::new(Mutex::new(Inner {
                world,
                clock: Clock::starting(now),
                held: None,
                chance: Chance::seeded(!seed),
                faults: Faults::default(),
                rights: None,
                recorder: Recorder::default(),
                saved,
                past: VecDeque::new(),
                requests: 0,
            })),
        }
    }

    /// Answers a request, in its time.
    ///
    /// # Errors
    ///
    /// When the connection breaks, as far as a client can tell.
    pub async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Broken> {
        let call = match Call::of(&request) {
            Ok(call) => call,
            Err(words) => return Ok(not_found(words)),
        };
        let (fault, wait) = self.lock().meet(&call);
        if fault.as_ref().is_some_and(|it| it.refuse) {
            // The answer of a machine on which nobody listens takes as long as that of one on which somebody does.
            pause(wait).await;
            return Err(Broken::Refused);
        }
        let number = self.lock().begin(&call);
        let extra = Duration::from_millis(fault.as_ref().map_or(0, |it| it.delay_ms));
        pause(wait / 2 + extra).await;
        let answer = self.lock().effect(&call, fault.as_ref());
        pause(wait / 2).await;
        let mut inner = self.lock();
        let now = inner.now();
        let status = answer.as_ref().ok().map(|it| it.status().as_u16());
        inner.recorder.end(number, now, status, fault.is_some());
        answer
    }

    /// Looks at or changes the world, as of now.
    pub fn world<T>(&self, with: impl FnOnce(&mut World) -> T) -> T {
        let mut inner = self.lock();
        inner.advance();
        let result = with(&mut inner.world);
        inner.save();
        result
    }

    /// Looks at or changes what goes wrong.
    pub fn faults<T>(&self, with: impl FnOnce(&mut Faults) -> T) -> T {
        with(&mut self.lock().faults)
    }

    /// Lets the caller do in AWS only what this identity policy allows; None: everything, as at first. A world does not
    /// remember it.
    ///
    /// # Errors
    ///
    /// When it is no policy; the text is IAM's.
    pub fn allow_only(&self, policy: Option<&str>) -> Result<(), String> {
        self.lock().rights = policy.map(Rights::read).transpose()?;
        Ok(())
    }

    /// The actions, with the resources, for which rights were needed since [`allow_only`](Self::allow_only), each once.
    pub fn needed(&self) -> Vec<(String, String)> {
        self.lock().rights.iter().flat_map(|it| it.needed().cloned()).collect()
    }

    /// The calls since the beginning or the last [`forget`](Self::forget).
    pub fn calls(&self) -> Vec<Seen> {
        self.lock().recorder.list().to_vec()
    }

    /// Forgets the calls so far.
    pub fn forget(&self) {
        self.lock().recorder.forget();
    }

    /// Everything that exists, by kind; without what AWS puts into every account.
    pub fn census(&self) -> Value {
        self.world(census::take)
    }

    /// Stops the clock: it stays this time until [`resume`](Self::resume). For tests, where each process has a runtime
    /// with a clock of its own, and no time passes between them.
    pub fn hold(&self, now: Time) {
        self.lock().held = Some(now);
    }

    /// Goes on, on the clock of the current runtime.
    pub fn resume(&self, now: Time) {
        let mut inner = self.lock();
        inner.clock = Clock::starting(now);
        inner.held = None;
    }

    /// What time it is in the cloud.
    pub fn now(&self) -> Time {
        self.lock().now()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere has left a world that is as good as any other.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// What the call meets with: what goes wrong, and how long it takes.
    fn meet(&mut self, call: &Call) -> (Option<Fault>, Duration) {
        // Digest clients ask without credentials first: that is not the call a fault means.
        let asks_first =
            call.service == crate::Service::Atlas && !call.headers.contains_key("authorization");
        let fault = if asks_first { None } else { self.faults.take(call, &mut self.chance) };
        let (least, most) = self.faults.latency;
        let micros = self.chance.between(least.as_micros() as u64, most.as_micros() as u64);
        (fault, Duration::from_micros(micros))
    }

    fn begin(&mut self, call: &Call) -> usize {
        let now = self.now();
        self.recorder.begin(call, now)
    }

    fn effect(&mut self, call: &Call, fault: Option<&Fault>) -> Result<Response<Bytes>, Broken> {
        self.requests += 1;
        let request = format!("00000000-0000-4000-8000-{:012x}", self.requests);
        let protocol = call.service.protocol();
        let strikes = fault.is_some_and(|it| it.answers() || it.drop);
        let mut response = None;
        if fault.is_none_or(|it| it.after_effect) || !strikes {
            let answer = match fault.filter(|it| it.stale_ms > 0 && !call.mutating) {
                Some(stale) => self.answer_of_the_past(call, stale.stale_ms),
                None => self.answer(call),
            };
            response = Some(match answer.map_err(|it| self.hide(call, it)) {
                Ok(answer) => protocol.answer(&call.action, &request, answer),
                Err(refusal) => protocol.refuse(&request, &refusal),
            });
        }
        let now = self.now().max(self.world.now());
        let sent = |it| protocol.sent(&call.method, now, it);
        let Some(fault) = fault else { return response.map(sent).ok_or(Broken::Reset) };
        if fault.answers() {
            let refusal = fault.refusal(call.service);
            let mut answer = protocol.refuse(&request, &refusal);
            if let Some(body) = &fault.body {
                let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
                answer = protocol.reply(refusal.status, &request, text);
            }
            response = Some(answer);
        }
        let response = response.filter(|_| !fault.drop).map(sent).ok_or(Broken::Reset)?;
        match fault.truncate {
            Some(length) if response.body().len() > length => {
                let part = response.map(|whole| whole.slice(..length));
                Err(Broken::Truncated(Box::new(part)))
            }
            _ => Ok(response),
        }
    }

    fn answer(&mut self, call: &Call) -> crate::Answer {
        let lock = match &self.saved {
            Some(saved) => Some(saved.lock().map_err(|error| storage(&error))?),
            None => None,
        };
        if let Some(saved) = &mut self.saved
            && let Some(world) = saved.changed().map_err(|error| storage(&error))?
        {
            self.world = world.seen_like(&self.world);
        }
        self.advance();
        self.check_rights(call)?;
        if call.mutating && self.keeps_past() {
            self.past.push_back((self.now(), self.world.clone()));
            if self.past.len() > PAST {
                self.past.pop_front();
            }
        }
        let answer = self.world.answer(call);
        // What follows from time alone follows again after the next load.
        if call.mutating {
            self.save();
        }
        drop(lock);
        answer
    }

    /// What a replica that lags behind says.
    fn answer_of_the_past(&mut self, call: &Call, ago_ms: u64) -> crate::Answer {
        self.check_rights(call)?;
        let then = Time(self.now().0.saturating_sub(ago_ms));
        // Each world is from before the change at its time: the first that was changed after `then` is what was then.
        match self.past.iter().find(|(changed, _)| *changed > then) {
            Some((_, world)) => {
                let mut world = world.clone();
                world.advance(then);
                world.answer(call)
            }
            None => self.answer(call),
        }
    }

    fn check_rights(&mut self, call: &Call) -> Result<(), crate::Refusal> {
        match &mut self.rights {
            Some(rights) => rights.check(&self.world.context(&call.region), call),
            None => Ok(()),
        }
    }

    fn hide(&mut self, call: &Call, refusal: crate::Refusal) -> crate::Refusal {
        match &mut self.rights {
            Some(rights) => rights.hide(&self.world.context(&call.region), call, refusal),
            None => refusal,
        }
    }

    fn now(&self) -> Time {
        self.held.unwrap_or_else(|| self.clock.now())
    }

    fn keeps_past(&self) -> bool {
        self.faults.chaos.stale > 0.0 || self.faults.may_be_stale()
    }

    fn advance(&mut self) {
        let now = self.now();
        self.world.advance(now);
    }

    fn save(&mut self) {
        if let Some(saved) = &mut self.saved
            && let Err(error) = saved.save(&self.world)
        {
            eprintln!("the sandbox could not be saved: {error}");
        }
    }
}

fn storage(error: &io::Error) -> crate::Refusal {
    crate::Refusal::new("InternalFailure", format!("the sandbox: {error}")).with_status(500)
}

fn not_found(words: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(words));
    *response.status_mut() = http::StatusCode::NOT_FOUND;
    response
}

async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

fn wall() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Time::default() + since.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create_group() -> Request<Bytes> {
        let scope =
            "AWS4-HMAC-SHA256 Credential=x/20261123/eu-central-1/ec2/aws4_request, SignedHeaders=x";
        let body = "Action=CreateSecurityGroup&GroupName=a&GroupDescription=a";
        Request::post("/").header("authorization", scope).body(Bytes::from(body)).unwrap()
    }

    fn groups(simulator: &Simulator) -> usize {
        simulator.census()["security_groups"].as_array().map_or(0, Vec::len)
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_connection_received_nothing_and_has_no_effect() {
        let simulator = Simulator::new(Setup::default());
        let wait = Duration::from_millis(80);
        let planned = serde_json::json!({ "match": { "service": "ec2" }, "refuse": true });
        let planned: Fault = serde_json::from_value(planned).unwrap();
        simulator.faults(|it| {
            it.latency = (wait, wait);
            it.add(planned);
        });
        let began = simulator.now();
        let refused = simulator.call(create_group()).await.unwrap_err();
        assert_eq!(refused.to_string(), "connection refused");
        assert!(matches!(refused, Broken::Refused));
        assert_eq!(simulator.now().since(began), wait);
        assert_eq!((groups(&simulator), simulator.calls().len()), (0, 0));
        // It was planned once.
        assert_eq!(simulator.call(create_group()).await.unwrap().status(), 200);
        assert_eq!((groups(&simulator), simulator.calls().len()), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn connections_are_refused_by_chance() {
        let refusals = async |seed| {
            let simulator = Simulator::new(Setup { seed, ..Setup::default() });
            simulator.faults(|it| it.chaos.refused = 0.5);
            let mut refused = Vec::new();
            for _ in 0..40 {
                refused.push(matches!(simulator.call(create_group()).await, Err(Broken::Refused)));
            }
            refused
        };
        let one = refusals(1).await;
        assert!((5..35).contains(&one.iter().filter(|it| **it).count()), "{one:?}");
        assert_eq!(one, refusals(1).await);
        assert_ne!(one, refusals(2).await);
    }
}
