//! What a service's containers write: every line once, in order, across tasks.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use aws_sdk_ecs::types::{ContainerDefinition, LogDriver, TaskDefinition};

use super::short;
use crate::{
    cloud::Cloud,
    engine::{Error, Result},
};

/// A line may appear so much later than its own time says: containers hand over what they write in batches, and
/// CloudWatch needs a moment to find it.
const LATE: i64 = 60_000;

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was written, in milliseconds since 1970.
    pub time: i64,
    /// The id of the task.
    pub task: String,
    /// What was written.
    pub text: String,
}

/// Reads the log of one container of a service, look by look.
#[derive(Debug)]
pub struct Reader {
    group: String,
    /// Of its streams.
    prefix: String,
    filter: Option<String>,
    /// Where the next look begins, in milliseconds since 1970.
    from: i64,
    /// When the lines were written that were read and that the next look sees again, by id.
    known: BTreeMap<String, i64>,
}

impl Reader {
    /// The log of `container`; `None` if it does not go to CloudWatch. `filter`: a filter pattern of CloudWatch Logs.
    pub fn of(
        definition: &TaskDefinition,
        container: &str,
        since: Duration,
        filter: Option<String>,
    ) -> Option<Self> {
        let ours = |it: &&ContainerDefinition| it.name() == Some(container);
        let definition = definition.container_definitions().iter().find(ours)?;
        let log =
            definition.log_configuration().filter(|it| it.log_driver == LogDriver::Awslogs)?;
        let option = |name: &str| log.options().and_then(|it| it.get(name)).cloned();
        let prefix = format!("{}/{container}/", option("awslogs-stream-prefix")?);
        let since = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        let from = jiff::Timestamp::now().as_millisecond().saturating_sub(since).max(0);
        Some(Self { group: option("awslogs-group")?, prefix, filter, from, known: BTreeMap::new() })
    }

    /// The lines that are new since the last look, the oldest first.
    ///
    /// # Errors
    ///
    /// When CloudWatch Logs cannot be asked, or does not understand the filter.
    pub async fn look(&mut self, cloud: &Cloud) -> Result<Vec<Line>> {
        let mut found: Vec<FilteredLogEvent> = Vec::new();
        let mut token = None;
        // An empty page need not be the last one.
        loop {
            let request = cloud.logs.filter_log_events().log_group_name(&self.group);
            let request = request
                .log_stream_name_prefix(&self.prefix)
                .start_time(self.from)
                .set_filter_pattern(self.filter.clone())
                .set_next_token(token);
            let answer = request.send().await.map_err(Error::from)?;
            found.extend(answer.events.unwrap_or_default());
            token = answer.next_token;
            if token.is_none() {
                break;
            }
        }
        Ok(self.news(found))
    }

    /// Those that were not read yet, in order.
    fn news(&mut self, mut found: Vec<FilteredLogEvent>) -> Vec<Line> {
        // Stable: lines of one moment stay in the order in which CloudWatch gives them.
        found.sort_by_key(|it| it.timestamp.unwrap_or_default());
        let mut lines = Vec::new();
        for it in found {
            let time = it.timestamp.unwrap_or_default();
            if self.known.insert(it.event_id.unwrap_or_default(), time).is_some() {
                continue;
            }
            lines.push(Line {
                time,
                task: short(&it.log_stream_name.unwrap_or_default()).to_owned(),
                text: it.message.unwrap_or_default().trim_end().to_owned(),
            });
        }
        let latest = self.known.values().max().copied().unwrap_or_default();
        self.from = self.from.max(latest.saturating_sub(LATE));
        let from = self.from;
        self.known.retain(|_, time| *time >= from);
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, time: i64) -> FilteredLogEvent {
        let event = FilteredLogEvent::builder().event_id(id).timestamp(time);
        event.log_stream_name("bot/bot/0a").message(format!("{id}\n")).build()
    }

    #[test]
    fn every_line_is_told_once_and_late_ones_too() {
        let mut reader = Reader {
            group: "gsm".to_owned(),
            prefix: "bot/bot/".to_owned(),
            filter: None,
            from: 0,
            known: BTreeMap::new(),
        };
        let mut look = |events: Vec<FilteredLogEvent>| {
            let lines = reader.news(events).into_iter().map(|it| it.text).collect::<Vec<_>>();
            (lines.join(" "), reader.from, reader.known.len())
        };
        assert_eq!(look(vec![event("b", 2), event("a", 1)]), ("a b".to_owned(), 0, 2));
        assert_eq!(look(vec![event("b", 2), event("c", 2)]), ("c".to_owned(), 0, 3));
        // One that is late, then one so much later that the first ones need not be remembered.
        assert_eq!(look(vec![event("late", 1)]), ("late".to_owned(), 0, 4));
        assert_eq!(look(vec![event("d", 60_002)]), ("d".to_owned(), 2, 3));
        assert_eq!(look(vec![]), (String::new(), 2, 3));
    }
}
