//! The connection string that the services get.

use super::percent_encode;

const SCHEME: &str = "mongodb+srv://";

/// The parts of a connection string in the one form that we write. User, password and database are percent-encoded.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionString<'a> {
    /// The user.
    pub user: &'a str,
    password: &'a str,
    /// `mongodb+srv://` and the host, as Atlas gives it.
    pub srv: String,
    /// The default database.
    pub database: &'a str,
    /// What Atlas's logs call those who connect.
    pub app: &'a str,
}

/// Writes a connection string. Majority writes that are tried again are what Atlas's own strings ask for.
pub fn connection_string(
    srv: &str,
    user: &str,
    password: &str,
    database: &str,
    app: &str,
) -> String {
    let [user, password, database, app] = [user, password, database, app].map(percent_encode);
    let host = srv.strip_prefix(SCHEME).unwrap_or(srv);
    format!("{SCHEME}{user}:{password}@{host}/{database}?retryWrites=true&w=majority&appName={app}")
}

impl<'a> ConnectionString<'a> {
    /// The parts of what we wrote; `None` for anything else.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (credentials, rest) = text.strip_prefix(SCHEME)?.split_once('@')?;
        let (user, password) = credentials.split_once(':')?;
        let (host, rest) = rest.split_once('/')?;
        let (database, options) = rest.split_once('?')?;
        let app = options.strip_prefix("retryWrites=true&w=majority&appName=")?;
        let complete = [user, password, host, database, app].iter().all(|it| !it.is_empty());
        complete.then(|| Self { user, password, srv: format!("{SCHEME}{host}"), database, app })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let srv = "mongodb+srv://gsm-db.abcde.mongodb.net";
        let text = connection_string(srv, "gsm@bot", "p:/?#", "gsm", "gsm");
        assert_eq!(
            text,
            "mongodb+srv://gsm%40bot:p%3A%2F%3F%23@gsm-db.abcde.mongodb.net/gsm?retryWrites=true&w=majority&appName=gsm"
        );
        let parts = ConnectionString::parse(&text).unwrap();
        assert_eq!((parts.user, parts.database, parts.srv.as_str()), ("gsm%40bot", "gsm", srv));
        assert!(ConnectionString::parse("pending").is_none());
        assert!(ConnectionString::parse("mongodb+srv://host/gsm").is_none());
        assert!(ConnectionString::parse(&text.replace("majority", "1")).is_none());
    }
}
