//! The whole tree: every path that an update can take, from top to bottom. The first branch that fits gets it.

use teloxide::{
    dispatching::{UpdateFilterExt as _, UpdateHandler},
    dptree::{self, case},
    types::Update,
};

use crate::{
    callback::{self, Callback},
    commands::Command,
    dialogue,
    handlers::{
        about, add_notify_group, add_status_user, announce, call, chat_member, diss, donate,
        expired, feedback, forget_me, hand_off, help, invitation, invite, join, join_request,
        jokes, leave, list_notify_groups, modify_notify_group, modify_status_user,
        my_notify_groups, notify, operator, privacy, settings, start, status, support, unknown,
        who_is_in,
    },
};

/// Every path.
pub fn schema() -> UpdateHandler<anyhow::Error> {
    dptree::entry()
        .branch(Update::filter_my_chat_member().endpoint(chat_member::bot_itself))
        .branch(Update::filter_chat_member().endpoint(chat_member::somebody))
        .branch(Update::filter_pre_checkout_query().endpoint(donate::check))
        .branch(presses())
        .branch(Update::filter_message().branch(service_messages()).branch(messages()))
}

fn presses() -> UpdateHandler<anyhow::Error> {
    dptree::filter_map(callback::press)
        .map(|it: (callback::Press, Callback)| it.0)
        .map(|it: (callback::Press, Callback)| it.1)
        .branch(case![Callback::Help { page }].endpoint(help::press))
        .branch(case![Callback::Languages].endpoint(start::languages))
        .branch(case![Callback::Language { lang }].endpoint(start::choose_language))
        .branch(case![Callback::Intent { token }].endpoint(hand_off::press))
        .branch(notify_groups())
        .branch(case![Callback::Settings { change }].endpoint(settings::press))
        .branch(case![Callback::DonateStars { amount }].endpoint(donate::stars))
        .branch(case![Callback::DonateMoney].endpoint(donate::money))
        .branch(case![Callback::ForgetMe].endpoint(forget_me::confirm))
        .branch(case![Callback::ForgetNot].endpoint(forget_me::cancel))
        .branch(case![Callback::AnnounceSend { id }].endpoint(announce::send))
        .branch(case![Callback::AnnounceToAll { id }].endpoint(announce::send_to_all))
        .branch(case![Callback::AnnounceCancel { id }].endpoint(announce::cancel))
        .branch(case![Callback::AnnounceStop { id }].endpoint(announce::stop))
        .branch(case![Callback::Refresh].endpoint(status::refresh))
        .branch(case![Callback::Step { nonce, op }].endpoint(dialogue::press))
        .branch(dptree::endpoint(expired::press))
}

fn notify_groups() -> UpdateHandler<anyhow::Error> {
    dptree::entry()
        .branch(case![Callback::Groups { page }].endpoint(list_notify_groups::turn))
        .branch(case![Callback::Group { id, page }].endpoint(list_notify_groups::details))
        .branch(case![Callback::Join { id }].endpoint(join::press))
        .branch(case![Callback::AskToJoin { id }].endpoint(join_request::ask))
        .branch(case![Callback::LetIn { chat, id, user }].endpoint(join_request::let_in))
        .branch(case![Callback::KeepOut { chat, id, user }].endpoint(join_request::keep_out))
        .branch(case![Callback::TakeOver { id }].endpoint(modify_notify_group::take_over))
        .branch(case![Callback::TakeNot { id }].endpoint(modify_notify_group::take_not))
        .branch(case![Callback::Accept { id }].endpoint(invitation::accept))
        .branch(case![Callback::Decline { id }].endpoint(invitation::decline))
        .branch(case![Callback::Revoke { id }].endpoint(invitation::revoke))
        .branch(case![Callback::Notify { id }].endpoint(notify::press))
        .branch(case![Callback::In { id }].endpoint(who_is_in::is_in))
        .branch(case![Callback::Out { id }].endpoint(who_is_in::is_out))
        .branch(case![Callback::Mine].endpoint(my_notify_groups::ask))
        .branch(case![Callback::MineOf { chat }].endpoint(my_notify_groups::back))
        .branch(case![Callback::MineOne { chat, id }].endpoint(my_notify_groups::one))
        .branch(case![Callback::Mute { chat, id, hours }].endpoint(my_notify_groups::mute))
}

fn service_messages() -> UpdateHandler<anyhow::Error> {
    dptree::entry()
        .branch(dptree::filter_map(chat_member::left).endpoint(chat_member::has_left))
        .branch(dptree::filter_map(donate::payment).endpoint(donate::paid))
        .branch(dptree::filter(chat_member::is_service).endpoint(chat_member::ignored))
}

fn messages() -> UpdateHandler<anyhow::Error> {
    dptree::entry()
        .branch(dptree::filter_map(call::of).chain(commands()))
        .branch(dptree::filter(unknown::is_command).endpoint(unknown::command))
        .branch(
            dptree::filter(feedback::may_be_answer)
                .filter_map_async(feedback::answered)
                .endpoint(feedback::answer),
        )
        .branch(dptree::filter(unknown::is_private).endpoint(dialogue::message))
}

fn commands() -> UpdateHandler<anyhow::Error> {
    dptree::map(|it: call::Call| it.command)
        // What holds for every command, from the table.
        .branch(dptree::filter_map(call::objection).endpoint(call::object))
        .branch(case![Command::Start].endpoint(start::run))
        .branch(case![Command::Help].endpoint(help::run))
        .branch(case![Command::About].endpoint(about::run))
        .branch(case![Command::Age].endpoint(about::age))
        .branch(case![Command::Cancel].endpoint(dialogue::cancel))
        .branch(case![Command::F].endpoint(jokes::f))
        .branch(case![Command::Mf].endpoint(jokes::mf))
        .branch(case![Command::Wdhs].endpoint(jokes::wdhs))
        .branch(case![Command::Diss].endpoint(diss::run))
        .branch(case![Command::Support].endpoint(support::run))
        .branch(case![Command::Feedback].endpoint(feedback::run))
        .branch(case![Command::Donate].endpoint(donate::run))
        .branch(case![Command::Settings].endpoint(settings::run))
        .branch(case![Command::Privacy].endpoint(privacy::run))
        .branch(case![Command::ForgetMe].endpoint(forget_me::run))
        .branch(case![Command::Announce].endpoint(announce::run))
        .branch(case![Command::Stats].endpoint(operator::stats))
        .branch(case![Command::Refund].endpoint(operator::refund))
        .branch(case![Command::Status].endpoint(status::run))
        .branch(case![Command::AddStatusUser].endpoint(add_status_user::run))
        .branch(case![Command::ModifyStatusUser].endpoint(modify_status_user::run))
        .branch(case![Command::AddNotifyGroup].endpoint(add_notify_group::run))
        .branch(case![Command::ModifyNotifyGroup].endpoint(modify_notify_group::run))
        .branch(case![Command::Invite].endpoint(invite::run))
        .branch(case![Command::Join].endpoint(join::run))
        .branch(case![Command::Leave].endpoint(leave::run))
        .branch(case![Command::ListNotifyGroups].endpoint(list_notify_groups::run))
        .branch(case![Command::Notify].endpoint(notify::run))
}
