//! Requests to the Bot API as HTTP: the token, JSON or a form, and the answer.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use axum::{
    body::Bytes,
    extract::{FromRequest as _, Multipart, Request, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value, json};

use super::{BOT_API, Refused, TOKEN, Telegram};

/// One request to the Bot API.
pub async fn answer(State(telegram): State<Arc<Telegram>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let refused =
        |refused: Refused| (status(refused.code), axum::Json(refused.json())).into_response();
    let not_found = Refused { code: 404, what: "Not Found".to_owned(), ..Refused::bad("") };
    let Some((token, method)) = path.strip_prefix("/bot").and_then(|it| it.split_once('/')) else {
        return refused(not_found);
    };
    if token != TOKEN {
        return refused(Refused { code: 401, what: "Unauthorized".to_owned(), ..Refused::bad("") });
    }
    let method = method.to_owned();
    let under_way = UnderWay::begin(&telegram);
    let outcome = match parameters(request, &method).await {
        Ok(parameters) => telegram.call(&method, parameters).await,
        Err(what) => {
            telegram.record().defects.push(format!("{method}: {what}"));
            Err(Some(Refused::bad(&what)))
        }
    };
    telegram.record().last_call = Some(Instant::now());
    drop(under_way);
    match outcome {
        Ok(result) => axum::Json(json!({ "ok": true, "result": result })).into_response(),
        Err(Some(it)) => refused(it),
        // A body that breaks off: the caller cannot know whether it was done.
        Err(None) => {
            let broken = futures::stream::once(async {
                Err::<Bytes, _>(std::io::Error::other("the connection breaks"))
            });
            axum::body::Body::from_stream(broken).into_response()
        }
    }
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST)
}

/// The parameters of a call, from JSON or from a form.
async fn parameters(request: Request, method: &str) -> Result<Value, String> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    if kind.is_some_and(|it| it.starts_with("multipart/form-data")) {
        let form = Multipart::from_request(request, &()).await.map_err(|it| it.to_string())?;
        return form_parameters(form, method).await;
    }
    let body = Bytes::from_request(request, &()).await.map_err(|it| it.to_string())?;
    match body.is_empty() {
        true => Ok(json!({})),
        false => {
            serde_json::from_slice(&body).map_err(|it| format!("object expected as JSON: {it}"))
        }
    }
}

/// In a form everything is text; the description says which of it is JSON.
async fn form_parameters(mut form: Multipart, method: &str) -> Result<Value, String> {
    let mut parameters = Map::new();
    let mut files = HashMap::new();
    while let Some(part) = form.next_field().await.map_err(|it| it.to_string())? {
        let name = part.name().unwrap_or_default().to_owned();
        let file = part.file_name().map(String::from);
        let bytes = part.bytes().await.map_err(|it| it.to_string())?;
        if let Some(file) = file {
            files.insert(name, file);
            continue;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let fields = BOT_API.method(method).map(|it| &it.fields);
        let field = fields.and_then(|it| it.iter().find(|it| it.name == name));
        let fits = |it: &Value| {
            field.is_some_and(|field| BOT_API.compare(&field.shape, it, "").is_empty())
        };
        // `chat_id` may be a number or a name: what reads as a number is one.
        let value = match serde_json::from_str(&text) {
            Ok(value) if fits(&value) => value,
            _ => text.into(),
        };
        parameters.insert(name, value);
    }
    for value in parameters.values_mut() {
        let attached = value.as_str().and_then(|it| it.strip_prefix("attach://"));
        if let Some(file) = attached.and_then(|it| files.remove(it)) {
            *value = format!("upload:{file}").into();
        }
    }
    for (name, file) in files {
        parameters.insert(name, format!("upload:{file}").into());
    }
    Ok(parameters.into())
}

/// A call that is under way, until it is answered or whoever made it is gone.
struct UnderWay(Arc<Telegram>);

impl UnderWay {
    fn begin(telegram: &Arc<Telegram>) -> Self {
        telegram.in_flight.fetch_add(1, Ordering::SeqCst);
        Self(telegram.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}
