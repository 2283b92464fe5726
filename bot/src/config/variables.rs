//! Every variable of the environment that the bot reads, in one table.

/// One variable of the environment.
#[derive(Debug)]
pub struct Variable {
    /// Its name. A secret may also be given as the name of a file, in `<name>_FILE`.
    pub name: &'static str,
    /// What it was called in the original.
    pub aliases: &'static [&'static str],
    /// Whether its value must be seen by nobody.
    pub secret: bool,
    /// What holds if it is not set; empty for nothing.
    pub default: &'static str,
    /// What it means.
    pub help: &'static str,
}

macro_rules! variables {
    ($($kind:ident $name:literal $([$($alias:literal),+])? = $default:literal: $help:literal;)*) => {
        /// Every variable that the bot reads.
        pub const VARIABLES: &[Variable] = &[$(Variable {
            name: $name,
            aliases: &[$($($alias),+)?],
            secret: variables!(@ $kind),
            default: $default,
            help: $help,
        }),*];
    };
    (@ plain) => { false };
    (@ secret) => { true };
}

variables! {
    secret "BOT_TOKEN" ["GUB_BOT_TOKEN"] = "": "The bot's token, from BotFather. Required.";
    plain "BOT_API_URL" = "": "Another server of the Bot API than Telegram's own.";
    plain "THROTTLE" = "on": "`off` does without Telegram's limits; only for a Bot API server of one's own.";
    plain "MODE" = "webhook": "How updates come in: `webhook` or `polling`.";
    plain "LISTEN_ADDR" ["LISTEN"] = "0.0.0.0:8080": "Address of the webhook and of the health checks.";
    plain "METRICS_ADDR" = "": "Address of the metrics (`/metrics`); none without it.";
    plain "WEBHOOK_URL" = "": "Public address of the bot, such as `https://bot.example.org`. Required in webhook mode.";
    plain "WEBHOOK_PATH" = "/telegram": "Path of the webhook, below WEBHOOK_URL and on LISTEN_ADDR.";
    secret "WEBHOOK_SECRET" = "": "What Telegram has to send along; without it, a value derived from the token.";
    secret "MONGODB_URI" = "": "The database, unless it is given by the three variables below.";
    plain "GSM_DB_URL_WITHOUT_USERNAME_AND_PASSWORD" = "": "The database's address without user and password.";
    plain "GSM_DB_USERNAME" = "": "The database's user.";
    secret "GSM_DB_PASSWORD" = "": "The database's password.";
    plain "MONGODB_DATABASE" = "gsm": "The database's name.";
    plain "OPERATOR_IDS" = "": "Telegram ids of the people who run the bot, separated by commas.";
    secret "FEEDBACK_BOT_TOKEN" ["GUB_FEEDBACK_TOKEN"] = "": "Another bot that delivers feedback to the operators.";
    secret "PAYMENT_PROVIDER_TOKEN" ["GUB_PAYMENT_TOKEN"] = "": "A payment provider besides Telegram Stars.";
    plain "DONATION_PRICE" = "200 EUR": "What is asked through the payment provider, in the currency's smallest units.";
    plain "DONATION_STARS" = "50,150,500": "Amounts of Stars that can be donated; empty for none.";
    plain "SPONSORS_URL" = "": "A page to donate at, such as GitHub Sponsors.";
    plain "PAYPAL_URL" = "": "A PayPal page to donate at.";
    plain "BRAND" = "Gamers Utility Bot": "What the bot calls itself.";
    plain "BIRTHDAY" = "2021-02-08T01:01:01Z": "When the bot was born, for /age.";
    plain "SOURCE_URL" = "": "Where the bot's source is.";
    plain "ISSUES_URL" = "": "Where mistakes are reported.";
    plain "SUPPORT_URL" = "": "A chat or channel for support.";
    plain "DEFAULT_LANGUAGE" = "en": "Language of whoever has none of ours: `en` or `de`.";
    plain "ASSETS" = "": "Folder with greeting.mp4, f.mp4, mf.mp3 and wdhs.mp4; each is optional.";
    secret "CREDENTIALS_KEY" = "": "32 bytes in base64 (`openssl rand -base64 32`), under which sign-ins to Xbox Live and PlayStation are stored. Required for either.";
    plain "XBOX_CLIENT_ID" = "": "Xbox Live: id of the registered application.";
    secret "XBOX_CLIENT_SECRET" = "": "Xbox Live: its secret.";
    plain "XBOX_CLIENT_SECRET_EXPIRY_DATE" = "": "Xbox Live: the day its secret expires (2027-06-16); only ever warns.";
    plain "XBOX_LOGIN_URL" = "https://login.live.com": "Xbox Live: where tokens are issued.";
    plain "XBOX_USER_AUTH_URL" = "https://user.auth.xboxlive.com": "Xbox Live: user tokens.";
    plain "XBOX_XSTS_URL" = "https://xsts.auth.xboxlive.com": "Xbox Live: XSTS tokens.";
    plain "XBOX_PROFILE_URL" = "https://profile.xboxlive.com": "Xbox Live: gamertags.";
    plain "XBOX_PRESENCE_URL" = "https://userpresence.xboxlive.com": "Xbox Live: presence.";
    secret "PSN_NPSSO" = "": "PlayStation: cookie of a signed-in account; `auth psn` stores it.";
    plain "PSN_CLIENT_ID" = "09515159-7237-4370-9b40-3806e67c0891": "PlayStation: client id of the mobile app.";
    secret "PSN_BASIC_AUTH" = "MDk1MTUxNTktNzIzNy00MzcwLTliNDAtMzgwNmU2N2MwODkxOnVjUGprYTV0bnRCMktxc1A=": "PlayStation: Basic credentials of the mobile app, the same for everybody.";
    plain "PSN_SCOPE" = "psn:mobile.v2.core psn:clientapp": "PlayStation: scope.";
    plain "PSN_REDIRECT_URI" = "com.scee.psxandroid.scecompcall://redirect": "PlayStation: redirect of the mobile app.";
    plain "PSN_AUTH_URL" = "https://ca.account.sony.com": "PlayStation: where tokens are issued.";
    plain "PSN_PROFILE_URL" = "https://us-prof.np.community.playstation.net": "PlayStation: online ids.";
    plain "PSN_PRESENCE_URL" = "https://m.np.playstation.com": "PlayStation: presence.";
    secret "STEAM_API_KEY" = "": "Steam: key of the Web API.";
    plain "STEAM_URL" = "https://api.steampowered.com": "Steam: the Web API.";
    plain "LOG_FORMAT" = "json": "How to log: `json` or `text`.";
    plain "RUST_LOG" = "info": "What to log: `info`, `gsm_bot=debug`, ….";
}
