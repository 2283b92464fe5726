//! `/help`: a card with a menu. It keeps nothing: each button says which page it leads to, so cards of last year work,
//! and any number of them.

use super::{call::Call, expired};
use crate::{
    callback::{Callback, Press},
    commands::{Category, Command, Page, Place, Who},
    context::Cx,
    telegram::{Button, Keyboard, Post, Refusal},
    text::Html,
};

/// Shows the main page; in a group, the way to it.
pub async fn run(cx: Cx, _call: Call) -> anyhow::Result<()> {
    if cx.is_private() {
        return show(&cx).await;
    }
    let link = cx.app.telegram.me.deep_link("help");
    let open = Button::open(cx.plain("help-open", &[]), link);
    let post = Post::new(cx.html("help-in-private", &[])).keyboard(Keyboard::new().row([open]));
    cx.reply(post).await
}

/// Shows the main page.
pub async fn show(cx: &Cx) -> anyhow::Result<()> {
    cx.reply(page_of(cx, Page::Main)).await
}

/// Turns a card to another page.
pub async fn press(cx: Cx, press: Press, page: Page) -> anyhow::Result<()> {
    if !may_see(&cx, page) {
        return expired::press(cx).await;
    }
    let post = page_of(&cx, page);
    let Some(message) = press.message else { return cx.reply(post).await };
    match cx.app.telegram.edit(cx.chat.chat_id, message, post.clone()).await {
        // The greeting has a clip, which cannot become a text.
        Err(Refusal::Uneditable) => cx.reply(post).await,
        other => Ok(other?),
    }
}

fn page_of(cx: &Cx, page: Page) -> Post {
    let go = |label: String, page| Button::press(label, Callback::Help { page });
    let (text, buttons) = match page {
        Page::Main => {
            let shown = Category::ALL.into_iter().filter(|it| is_shown(cx, *it));
            let buttons: Vec<Button> = shown
                .map(|it| go(cx.plain(&format!("category-{}", it.name()), &[]), Page::Category(it)))
                .collect();
            (cx.html("help-main", &[("brand", cx.app.config.brand.name.as_str().into())]), buttons)
        }
        Page::Category(category) => {
            let title = cx.html(&format!("category-{}", category.name()), &[]).bold();
            let lines: Vec<Html> = category
                .commands()
                .map(|it| {
                    Html::escape(&format!(
                        "/{} – {}",
                        it.name(),
                        it.describe(&cx.app.texts, cx.lang)
                    ))
                })
                .collect();
            let buttons = category
                .commands()
                .map(|it| go(format!("/{}", it.name()), Page::Command(it.command)))
                .collect();
            (title.paragraph(&Html::join(&lines, "\n")), buttons)
        }
        Page::Command(command) => (about(cx, command), Vec::new()),
    };
    let mut keyboard = Keyboard::new().grid(buttons, 2);
    if let Some(parent) = page.parent() {
        keyboard = keyboard.row([go(cx.plain("help-back", &[]), parent)]);
    }
    Post::new(text).keyboard(keyboard)
}

fn is_shown(cx: &Cx, category: Category) -> bool {
    category.commands().next().is_some() && may_see(cx, Page::Category(category))
}

/// What the operator's commands are is nobody else's business, whatever a button says.
fn may_see(cx: &Cx, page: Page) -> bool {
    let for_operators = match page {
        Page::Main => false,
        Page::Category(category) => category == Category::Operator,
        Page::Command(command) => {
            command.spec().category == Category::Operator || command.spec().who == Who::Operators
        }
    };
    !for_operators || cx.app.is_operator(cx.user.id)
}

fn about(cx: &Cx, command: Command) -> Html {
    let spec = command.spec();
    let title = Html::escape(&format!("/{}", spec.name())).bold();
    let mut text = title.paragraph(&cx.html(&format!("help-{}", spec.name()), &[]));
    if !spec.aliases().is_empty() {
        let names: Vec<String> = spec.aliases().iter().map(|it| format!("/{it}")).collect();
        text = text.paragraph(&cx.html("help-aliases", &[("names", names.join(", ").into())]));
    }
    let place = match spec.place {
        Place::Anywhere => return text,
        Place::Group => "help-only-in-groups",
        Place::Private => "help-only-in-private",
    };
    text.paragraph(&cx.html(place, &[]))
}
