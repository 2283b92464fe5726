//! Lists that are longer than one message.

use super::Html;

/// How long a message may be, in UTF-16 units of what a reader sees.
pub const MESSAGE_UNITS: usize = 4096;

/// Puts a heading and items into as few messages as possible, each item whole, with `between` between items. An item
/// that is too long by itself is cut, and loses its markup: names and texts have limits, so that does not happen with
/// anything stored under our own rules.
pub fn messages(heading: &Html, items: &[Html], between: &str) -> Vec<Html> {
    let mut done = Vec::new();
    let mut message = heading.clone();
    for item in items {
        let item = if item.units() > MESSAGE_UNITS { cut(item) } else { item.clone() };
        let longer = message.clone().then(&Html::escape(between)).then(&item);
        if message.is_empty() {
            message = item;
        } else if longer.units() <= MESSAGE_UNITS {
            message = longer;
        } else {
            done.push(std::mem::replace(&mut message, item));
        }
    }
    if !message.is_empty() {
        done.push(message);
    }
    done
}

fn cut(item: &Html) -> Html {
    let mut units = 0;
    let text = item.readable();
    let fitting = text.chars().take_while(|it| {
        units += it.len_utf16();
        units < MESSAGE_UNITS
    });
    Html::escape(&format!("{}…", fitting.collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_stay_whole_and_nothing_is_lost() {
        let items: Vec<Html> = (0..300)
            .map(|it| Html::escape(&format!("{it}: {}", "😀<".repeat(20))).bold())
            .collect();
        let messages = messages(&Html::escape("Heading"), &items, "\n");
        assert!(messages.len() > 1);
        assert!(messages.iter().all(|it| it.units() <= MESSAGE_UNITS));
        let whole = Html::join(&messages, "\n");
        assert_eq!(whole, Html::escape("Heading").line(&Html::join(&items, "\n")));
    }

    #[test]
    fn an_item_too_long_is_cut() {
        let messages = messages(&Html::default(), &[Html::escape(&"😀".repeat(4096))], "\n");
        assert_eq!(messages.len(), 1);
        assert!(messages[0].units() <= MESSAGE_UNITS && messages[0].units() > 4000);
    }
}
