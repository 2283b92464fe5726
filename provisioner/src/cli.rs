//! The command line. The doc comments are the help.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};

#[cfg(feature = "sandbox")]
use crate::sandbox::Trouble;

/// Makes AWS and MongoDB Atlas be what stack.yaml says.
///
/// The cloud is the truth: every command looks before it acts. The state file only helps to find things; with it lost,
/// `up` finds everything again by name and tag.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES, styles = STYLES)]
pub struct Cli {
    /// What to read.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Args, Debug)]
pub struct Global {
    /// The stack to work on
    #[arg(short, long, global = true, value_name = "PATH", default_value = "stack.yaml")]
    pub file: PathBuf,
    /// Folder of the state files
    #[arg(long, global = true, value_name = "DIR", default_value = "state")]
    pub state_dir: PathBuf,
    /// Print one JSON object a line instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
    /// Say more: `-v` also what is unchanged, `-vv` also every call
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Time between two looks at something that takes time
    #[arg(long, global = true, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub poll: Duration,
    /// How long to wait for another run to let go of the state
    #[arg(long, global = true, value_name = "TIME", default_value = "0s", value_parser = duration)]
    pub lock_timeout: Duration,
    /// The simulated cloud.
    #[cfg(feature = "sandbox")]
    #[command(flatten)]
    pub sandbox: SandboxOptions,
}

/// The simulated cloud in the place of the real ones.
#[cfg(feature = "sandbox")]
#[derive(Args, Debug)]
pub struct SandboxOptions {
    /// Work in a simulated cloud: no account, no cost, and minutes pass in seconds
    #[arg(long, global = true)]
    pub sandbox: bool,
    /// Let something go wrong in the simulated cloud during this command; may be repeated
    ///
    /// `provisioner sandbox faults` lists them.
    #[arg(long, global = true, value_name = "NAME")]
    pub sandbox_fault: Vec<Trouble>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what `up` would do, and what was changed outside; change nothing
    Diff(Diff),
    /// Create, change and delete whatever it takes for the cloud to be as stack.yaml says
    Up(Up),
    /// Delete everything the stack has created
    Destroy(Destroy),
    /// Find what a deployment or an `up` would trip over; change nothing
    Verify(Verify),
    /// Put a new image into service and follow its deployment to the end
    Deploy(Deploy),
    /// Put an earlier revision back into service and follow its deployment to the end
    Rollback(Rollback),
    /// Replace all tasks by new ones of the same revision
    Restart(Restart),
    /// Change how many tasks run, until the next `up`
    Scale(Scale),
    /// Show what runs, since when, which image, and whether it is well
    Status(Status),
    /// Show what the service's containers write
    Logs(Logs),
    /// Run a command in a container of a running task
    Exec(Exec),
    /// Show what the last `up` told: addresses, names
    Outputs(Outputs),
    /// Print the smallest IAM policy with which a command works for this very stack
    Permissions(Permissions),
    /// Look into the state, and move it
    #[command(subcommand)]
    State(State),
    /// Look after the simulated cloud of `--sandbox`
    #[cfg(feature = "sandbox")]
    #[command(subcommand)]
    Sandbox(SandboxCommand),
}

/// Show what `up` would do.
#[derive(Args, Debug)]
pub struct Diff {
    /// Exit with 2 if there is something to do
    #[arg(long)]
    pub exit_code: bool,
    /// What to look at.
    #[command(flatten)]
    pub scope: Scope,
}

/// Make it so.
#[derive(Args, Debug)]
pub struct Up {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Do not wait until everything works
    #[arg(long)]
    pub no_wait: bool,
    /// What to look at.
    #[command(flatten)]
    pub scope: Scope,
}

/// What to look at, and what is allowed.
#[derive(Args, Debug)]
pub struct Scope {
    /// How many resources are read or changed at once
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..))]
    pub parallelism: u16,
    /// Only this resource and what it refers to; may be repeated
    #[arg(long, value_name = "NAME")]
    pub target: Vec<String>,
    /// Take over this resource although nothing shows that it is the stack's; may be repeated
    #[arg(long, value_name = "NAME")]
    pub adopt: Vec<String>,
    /// Allow this protected resource to be deleted or replaced; may be repeated
    #[arg(long, value_name = "NAME")]
    pub unprotect: Vec<String>,
}

/// Delete everything.
#[derive(Args, Debug)]
pub struct Destroy {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Delete this protected resource too; may be repeated
    #[arg(long, value_name = "NAME")]
    pub unprotect: Vec<String>,
    /// The stack, if stack.yaml is gone and the state folder has several
    #[arg(long, value_name = "NAME")]
    pub stack: Option<String>,
    /// How many resources are deleted at once
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..))]
    pub parallelism: u16,
}

/// Find what would go wrong.
///
/// Asks whether AWS, Atlas and the images' registries are as a deployment and an `up` need them. Every check is made,
/// whatever becomes of the others, and nothing is changed. What cannot be checked from here is said and is no failure.
#[derive(Args, Debug)]
pub struct Verify {
    /// Only these services, and what all of them need
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// The image that is to be deployed, in place of the one that runs or that stack.yaml names
    #[arg(long, value_name = "REF")]
    pub image: Option<String>,
}

/// Put a new image into service.
#[derive(Args, Debug)]
pub struct Deploy {
    /// The image, such as docker.io/me/bot:1.2.3 or docker.io/me/bot@sha256:…
    #[arg(long, value_name = "REF")]
    pub image: String,
    /// The service, if the stack has several
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// How long the deployment may take
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub timeout: Duration,
    /// Return as soon as the deployment has begun
    #[arg(long)]
    pub no_wait: bool,
}

/// Put an earlier revision back into service.
#[derive(Args, Debug)]
pub struct Rollback {
    /// The revision, such as 3; the last one before the current one that came into service unless told otherwise
    #[arg(long, value_name = "REVISION")]
    pub to: Option<String>,
    /// The service, if the stack has several
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// How long it may take
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub timeout: Duration,
    /// Return as soon as it has begun
    #[arg(long)]
    pub no_wait: bool,
}

/// Replace all tasks.
#[derive(Args, Debug)]
pub struct Restart {
    /// The service, if the stack has several
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// How long it may take
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub timeout: Duration,
    /// Return as soon as it has begun
    #[arg(long)]
    pub no_wait: bool,
}

/// Change how many tasks run.
#[derive(Args, Debug)]
pub struct Scale {
    /// How many
    #[arg(value_name = "N", value_parser = clap::value_parser!(u16).range(..=5000))]
    pub count: u16,
    /// The service, if the stack has several
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// How long it may take
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub timeout: Duration,
    /// Return as soon as it has begun
    #[arg(long)]
    pub no_wait: bool,
}

/// Show how a service is.
#[derive(Args, Debug)]
pub struct Status {
    /// The service, if the stack has several
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
}

/// Show what containers write.
#[derive(Args, Debug)]
pub struct Logs {
    /// The service, if the stack has several
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// Go on with what is written from now on, until Ctrl-C
    #[arg(long)]
    pub follow: bool,
    /// From so long ago on
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub since: Duration,
    /// Only what matches this filter pattern of CloudWatch Logs, such as `error` or `?warn ?error`
    #[arg(long, value_name = "PATTERN")]
    pub filter: Option<String>,
}

/// Run a command in a container.
#[derive(Args, Debug)]
pub struct Exec {
    /// The service, if the stack has several
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// The container, if it is not the service's own
    #[arg(long, value_name = "NAME")]
    pub container: Option<String>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<String>,
}

/// Show what the last `up` told.
#[derive(Args, Debug)]
pub struct Outputs {
    /// Only the value of this one
    pub name: Option<String>,
}

/// Print the smallest IAM policy.
#[derive(Args, Debug)]
pub struct Permissions {
    /// The command that is to be allowed
    #[arg(value_enum, value_name = "COMMAND", default_value = "up")]
    pub purpose: Purpose,
}

/// A command that changes something in AWS.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Purpose {
    /// And with it `diff`
    Up,
    /// From a pipeline
    Deploy,
    /// When it is over
    Destroy,
}

/// Look into the state, and move it.
#[derive(Debug, Subcommand)]
pub enum State {
    /// Every resource with its kind and id
    List,
    /// All that is recorded of one resource
    Show {
        /// Its name
        name: String,
    },
    /// Forget a resource without deleting it
    Rm {
        /// Its name
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Print the whole state
    Pull {
        /// One of those that `state versions` lists, instead of the newest
        #[arg(long, value_name = "ID")]
        version: Option<String>,
    },
    /// Put another state in its place, such as one that `state pull` has printed
    Push {
        /// The file; `-` is standard input
        #[arg(value_name = "FILE")]
        from: PathBuf,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// List the versions of a state in S3
    Versions,
    /// Bring the state to where stack.yaml says that it belongs, and make the bucket if there is none
    Migrate {
        /// Where it is: s3://BUCKET/PREFIX; the folder of state files unless told otherwise
        #[arg(long, value_name = "PLACE")]
        from: Option<String>,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// Look after the simulated cloud.
#[cfg(feature = "sandbox")]
#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Serve it on this machine, for the AWS CLI, boto3 or Terraform to look at
    Serve {
        /// The port; 0 means any
        #[arg(long, value_name = "N", default_value_t = 4566)]
        port: u16,
    },
    /// Forget it: the clouds are empty again, and the states of its stacks are gone
    Reset,
    /// List what can go wrong in it
    Faults,
}

const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  failed
    2  there are changes (`diff --exit-code`)
    3  stack.yaml or the command line is wrong; nothing was changed
    4  credentials or permissions
    5  partly done and recorded: run again
    6  the deployment failed and was rolled back
    7  the deployment failed and was not rolled back
    8  another run holds the state
    9  the deployment was superseded by a later one
   10  the deployment was not over in time
  130  interrupted; what was done is recorded";

const STYLES: clap::builder::Styles = clap::builder::Styles::styled()
    .header(anstyle::Style::new().bold())
    .usage(anstyle::Style::new().bold())
    .literal(anstyle::AnsiColor::Cyan.on_default());

/// Whether colours are used, for what is not printed through `anstream`.
pub fn uses_color(choice: ColorChoice) -> bool {
    let choice = match choice.to_possible_value().map(|it| it.get_name().to_owned()).as_deref() {
        Some("always") => anstream::ColorChoice::Always,
        Some("never") => anstream::ColorChoice::Never,
        _ => anstream::ColorChoice::Auto,
    };
    choice.write_global();
    !matches!(anstream::AutoStream::choice(&std::io::stderr()), anstream::ColorChoice::Never)
}

fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration =
        text.parse().map_err(|_| "a time such as `90s`, `10m` or `1h30m`".to_owned())?;
    Duration::try_from(span).map_err(|_| "a time that is not negative".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_are_read() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert!(duration("-1s").is_err() && duration("soon").is_err());
    }
}
