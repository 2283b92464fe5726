//! From a sign-in at Microsoft to what Xbox Live takes: access token, user token, XSTS token.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::StatusCode;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::super::{
    Failure, Service,
    http::{Answer, Http, below},
    keeper::{Chain, lasts},
    times,
};
use crate::{
    clock::{Clock, Time},
    config,
};

/// What the application asks Microsoft's users for.
pub const SCOPE: &str = "Xboxlive.signin Xboxlive.offline_access";

/// A token and its end.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Token {
    token: String,
    /// The hash of the user, which goes along with XSTS tokens.
    #[serde(default)]
    user_hash: String,
    until: Time,
}

/// All tokens of Xbox Live, oldest first: each is exchanged for the next.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct XboxTokens {
    refresh: Option<String>,
    access: Option<Token>,
    user: Option<Token>,
    xsts: Option<Token>,
}

/// How to get from each token to the next.
pub struct XboxChain {
    client_id: String,
    client_secret: SecretString,
    login_url: Url,
    user_auth_url: Url,
    xsts_url: Url,
    clock: Clock,
}

impl XboxChain {
    /// With the application and the addresses of `settings`.
    pub fn new(settings: &config::Xbox, clock: Clock) -> Self {
        Self {
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            login_url: settings.login_url.clone(),
            user_auth_url: settings.user_auth_url.clone(),
            xsts_url: settings.xsts_url.clone(),
            clock,
        }
    }

    /// The tokens for a code that Microsoft gave after consent.
    pub async fn exchange_code(
        &self,
        http: &Http,
        code: &str,
        redirect: &str,
    ) -> Result<XboxTokens, Failure> {
        self.login(
            http,
            &[("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect)],
            None,
        )
        .await
    }

    async fn login(
        &self,
        http: &Http,
        grant: &[(&str, &str)],
        refresh: Option<String>,
    ) -> Result<XboxTokens, Failure> {
        let mut form = vec![
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.client_secret.expose_secret()),
            ("scope", SCOPE),
        ];
        form.extend_from_slice(grant);
        let request = http.client.post(below(&self.login_url, "oauth20_token.srf")).form(&form);
        let answer = http.send("xbox_login", request).await?;
        if matches!(answer.status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) {
            return Err(Failure::SignedOut(format!("Microsoft refuses: {}", reason(&answer))));
        }
        let login: Login = expect_ok(&answer)?.json()?;
        let until = self.clock.now() + Duration::from_secs(login.expires_in);
        Ok(XboxTokens {
            refresh: login.refresh_token.or(refresh),
            access: Some(Token { token: login.access_token, user_hash: String::new(), until }),
            ..XboxTokens::default()
        })
    }

    async fn user_token(&self, http: &Http, access: &str) -> Result<Token, Failure> {
        let body = json!({
            "RelyingParty": "http://auth.xboxlive.com",
            "TokenType": "JWT",
            "Properties": {
                "AuthMethod": "RPS",
                "SiteName": "user.auth.xboxlive.com",
                "RpsTicket": format!("d={access}"),
            },
        });
        let url = below(&self.user_auth_url, "user/authenticate");
        let request = http.client.post(url).header("x-xbl-contract-version", "1").json(&body);
        let answer = http.send("xbox_user_token", request).await?;
        if matches!(answer.status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) {
            return Err(Failure::SignedOut("Xbox Live refuses the access token".to_owned()));
        }
        expect_ok(&answer)?.json::<Issued>()?.token()
    }

    async fn xsts_token(&self, http: &Http, user: &str) -> Result<Token, Failure> {
        let body = json!({
            "RelyingParty": "http://xboxlive.com",
            "TokenType": "JWT",
            "Properties": { "UserTokens": [user], "SandboxId": "RETAIL" },
        });
        let url = below(&self.xsts_url, "xsts/authorize");
        let request = http.client.post(url).header("x-xbl-contract-version", "1").json(&body);
        let answer = http.send("xbox_xsts_token", request).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            return Err(Failure::SignedOut(account_problem(&answer)));
        }
        expect_ok(&answer)?.json::<Issued>()?.token()
    }
}

#[async_trait]
impl Chain for XboxChain {
    type Tokens = XboxTokens;

    const SERVICE: Service = Service::Xbox;

    fn configured(&self) -> Option<XboxTokens> {
        None
    }

    fn usable_until(tokens: &XboxTokens) -> Option<Time> {
        tokens.xsts.as_ref().map(|token| token.until)
    }

    fn refreshable_until(_: &XboxTokens) -> Option<Time> {
        // Microsoft does not say; as long as it is used, a refresh token is replaced by a fresh one.
        None
    }

    fn header(tokens: &XboxTokens) -> String {
        let Some(xsts) = &tokens.xsts else { return String::new() };
        format!("XBL3.0 x={};{}", xsts.user_hash, xsts.token)
    }

    fn without_access(tokens: XboxTokens) -> XboxTokens {
        XboxTokens { refresh: tokens.refresh, ..XboxTokens::default() }
    }

    async fn step(&self, http: &Http, mut tokens: XboxTokens) -> Result<XboxTokens, Failure> {
        let now = self.clock.now();
        let good = |token: &Option<Token>| {
            let token = token.as_ref().filter(|token| lasts(Some(token.until), now));
            token.map(|token| token.token.clone())
        };
        if let Some(user) = good(&tokens.user) {
            tokens.xsts = Some(self.xsts_token(http, &user).await?);
        } else if let Some(access) = good(&tokens.access) {
            tokens.user = Some(self.user_token(http, &access).await?);
        } else if let Some(refresh) = tokens.refresh {
            let grant = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
            tokens = self.login(http, &grant, Some(refresh.clone())).await?;
        } else {
            return Err(Failure::SignedOut("there is no refresh token".to_owned()));
        }
        Ok(tokens)
    }
}

/// Microsoft's answer to a sign-in.
#[derive(Deserialize)]
struct Login {
    access_token: String,
    refresh_token: Option<String>,
    expires_in: u64,
}

/// Xbox Live's answer with a token.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Issued {
    token: String,
    not_after: String,
    #[serde(default)]
    display_claims: Claims,
}

#[derive(Default, Deserialize)]
struct Claims {
    #[serde(default)]
    xui: Vec<Claim>,
}

#[derive(Deserialize)]
struct Claim {
    #[serde(default)]
    uhs: String,
}

impl Issued {
    fn token(self) -> Result<Token, Failure> {
        let until = times::parse(&self.not_after);
        let until = until.ok_or_else(|| Failure::Unavailable("a token without end".to_owned()))?;
        let user_hash = self.display_claims.xui.into_iter().next().map(|claim| claim.uhs);
        Ok(Token { token: self.token, user_hash: user_hash.unwrap_or_default(), until })
    }
}

fn expect_ok(answer: &Answer) -> Result<&Answer, Failure> {
    if answer.status == StatusCode::OK { Ok(answer) } else { Err(answer.unexpected()) }
}

/// The error code of OAuth, which is one of a few words.
fn reason(answer: &Answer) -> String {
    let body: Value = answer.json().unwrap_or_default();
    let code = body["error"].as_str().unwrap_or_default();
    let word = |c: char| c.is_ascii_lowercase() || c == '_';
    if !code.is_empty() && code.len() < 40 && code.chars().all(word) {
        code.to_owned()
    } else {
        format!("HTTP {}", answer.status.as_u16())
    }
}

/// What is wrong with the account, by the codes that Xbox Live is known to use.
fn account_problem(answer: &Answer) -> String {
    let body: Value = answer.json().unwrap_or_default();
    match body["XErr"].as_i64() {
        Some(2_148_916_233) => "the account has no Xbox profile".to_owned(),
        Some(2_148_916_235) => "Xbox Live is not available in the account's country".to_owned(),
        Some(2_148_916_238) => "the account is a child's and needs a family".to_owned(),
        Some(code) => format!("Xbox Live refuses the account: {code}"),
        None => "Xbox Live refuses the user token".to_owned(),
    }
}
