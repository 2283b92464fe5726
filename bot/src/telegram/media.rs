//! Clips: optional files, uploaded once and then sent by what Telegram calls them.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use teloxide::{
    payloads::{SendAnimationSetters as _, SendAudioSetters as _, SendVideoSetters as _},
    requests::Requester as _,
    types::{ChatId, FileId, InputFile, Message, MessageId, ParseMode, ReplyParameters, ThreadId},
};

use super::{Place, Post, Refusal, Telegram};

/// A clip that the operator may provide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its file.
    pub file: &'static str,
    /// What it is.
    pub media: Media,
}

/// What a clip is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// A short film without sound that plays by itself.
    Animation,
    /// Something to listen to.
    Audio,
    /// A film.
    Video,
}

impl Telegram {
    /// Sends a clip with a caption, or the caption alone if there is no such file in the folder.
    pub async fn send_media(
        &self,
        place: Place,
        folder: Option<&Path>,
        asset: Asset,
        caption: impl Into<Post>,
    ) -> Result<i32, Refusal> {
        let caption = caption.into();
        let path = folder.map(|it| it.join(asset.file)).unwrap_or_default();
        // Which file it is, not when it was read: replacing it makes another upload.
        let Ok(content) = tokio::fs::read(&path).await else {
            return self.send(place, caption).await;
        };
        let sha256 = format!("{:x}", Fingerprint(Sha256::digest(&content).as_slice()));
        let known = self.store.file_id(self.me.id, asset.file, &sha256).await.unwrap_or_default();
        if let Some(known) = known {
            let file = InputFile::file_id(FileId(known));
            match self.send_file(place, asset, file, &caption).await {
                Err(Refusal::StaleFile) => {}
                other => return other.map(|it| it.id.0),
            }
        }
        self.upload(place, asset, path, &sha256, &caption).await
    }

    async fn upload(
        &self,
        place: Place,
        asset: Asset,
        path: PathBuf,
        sha256: &str,
        caption: &Post,
    ) -> Result<i32, Refusal> {
        let sent = self.send_file(place, asset, InputFile::file(path), caption).await?;
        // Telegram makes an animation of a silent video, and the other way round.
        let animation = sent.animation().map(|it| &it.file.id);
        let video = sent.video().map(|it| &it.file.id);
        let audio = sent.audio().map(|it| &it.file.id);
        if let Some(FileId(id)) = animation.or(video).or(audio)
            && let Err(error) = self.store.set_file_id(self.me.id, asset.file, sha256, id).await
        {
            tracing::warn!(%error, asset = asset.file, "an upload could not be noted");
        }
        Ok(sent.id.0)
    }

    async fn send_file(
        &self,
        place: Place,
        asset: Asset,
        file: InputFile,
        caption: &Post,
    ) -> Result<Message, Refusal> {
        let chat = ChatId(place.chat_id);
        macro_rules! send {
            ($method:ident, $name:literal) => {{
                let mut request = self
                    .bot
                    .$method(chat, file)
                    .caption(caption.text.as_str())
                    .parse_mode(ParseMode::Html);
                if let Some(thread) = place.thread_id {
                    request = request.message_thread_id(ThreadId(MessageId(thread)));
                }
                if let Some(message) = place.reply_to {
                    let reply =
                        ReplyParameters::new(MessageId(message)).allow_sending_without_reply();
                    request = request.reply_parameters(reply);
                }
                if !caption.keyboard.is_empty() {
                    request = request.reply_markup(caption.keyboard.markup());
                }
                self.say($name, place.chat_id, request).await
            }};
        }
        match asset.media {
            Media::Animation => send!(send_animation, "sendAnimation"),
            Media::Audio => send!(send_audio, "sendAudio"),
            Media::Video => send!(send_video, "sendVideo"),
        }
    }
}

/// Bytes in hexadecimal.
struct Fingerprint<'a>(&'a [u8]);

impl std::fmt::LowerHex for Fingerprint<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|it| write!(f, "{it:02x}"))
    }
}
