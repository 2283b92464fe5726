//! What Jenkins is told by Configuration as Code, so that nobody sets it up by hand.
//!
//! Secrets stand in it as `${NAME}`: the plugin looks them up in the files that `machine/jenkins-secrets` writes. An
//! attribute that Jenkins does not know keeps it from starting, so what is so by default is left out: CSRF protection,
//! and what an agent may ask of the controller.

use serde_json::{Map, Value, json};

use super::{Secret, entrance};
use crate::config::{Jenkins, Pipeline};

/// The credentials that the Jenkinsfile asks for.
const REGISTRY: &str = "registry";
const GITHUB: &str = "github";
const WEBHOOK: &str = "github-webhook";

/// The whole configuration.
pub(super) fn configuration(stack: &str, wanted: &Jenkins) -> Value {
    let pipeline = wanted.pipeline.as_ref();
    let mut configuration = json!({
        "jenkins": {
            "systemMessage": format!("Builds and deploys {stack}. What is set here comes from stack.yaml, again at each start."),
            "securityRealm": { "local": {
                "allowsSignup": false,
                "users": [{ "id": "admin", "password": Secret::AdminPassword.reference() }],
            } },
            "authorizationStrategy": { "loggedInUsersCanDoAnything": { "allowAnonymousRead": false } },
            // There are no agents, and no port for any. Two builds at once are more than the machine's memory.
            "slaveAgentPort": -1,
            "numExecutors": 1,
            "globalNodeProperties": [{ "envVars": { "env": pipeline.map(environment).unwrap_or_default() } }],
        },
    });
    if let (Some(pipeline), Some(fields)) = (pipeline, configuration.as_object_mut()) {
        let credentials = json!({ "system": { "domainCredentials": [{ "credentials": credentials(pipeline) }] } });
        fields.insert("credentials".to_owned(), credentials);
        fields.insert("jobs".to_owned(), json!([{ "script": job(stack, pipeline) }]));
    }
    let unclassified = unclassified(wanted);
    if let (Some(fields), false) = (configuration.as_object_mut(), unclassified.is_empty()) {
        fields.insert("unclassified".to_owned(), unclassified.into());
    }
    configuration
}

/// What belongs to no other part.
fn unclassified(wanted: &Jenkins) -> Map<String, Value> {
    let mut fields = Map::new();
    if let Some(url) = entrance::url(wanted) {
        // Behind a load balancer it cannot know its own address, which stands in links and redirects.
        fields.insert("location".to_owned(), json!({ "url": format!("{url}/") }));
    }
    if wanted.pipeline.as_ref().is_some_and(|it| it.on_github().is_some()) {
        // A webhook that is not signed with this starts nothing.
        let signed = json!({ "hookSecretConfigs": [{ "credentialsId": WEBHOOK }] });
        fields.insert("gitHubPluginConfig".to_owned(), signed);
    }
    fields
}

/// What the Jenkinsfile takes from Jenkins' own environment.
fn environment(pipeline: &Pipeline) -> Vec<Value> {
    [
        ("DEPLOY_BRANCH", &pipeline.branch),
        ("DEPLOY_SERVICE", &pipeline.service),
        ("IMAGE_REPOSITORY", &pipeline.image),
    ]
    .map(|(key, value)| json!({ "key": key, "value": value }))
    .to_vec()
}

fn credentials(pipeline: &Pipeline) -> Vec<Value> {
    let account = |id: &str, user: &str, secret: Secret| {
        json!({ "usernamePassword": {
            "scope": "GLOBAL", "id": id, "username": user, "password": secret.reference(),
        } })
    };
    let mut credentials = Vec::new();
    if pipeline.github_token.is_some() {
        // GitHub goes by the token, whoever it is said to belong to.
        credentials.push(account(GITHUB, "x-access-token", Secret::GithubToken));
    }
    if let Some(registry) = &pipeline.registry {
        credentials.push(account(REGISTRY, &registry.user, Secret::RegistryToken));
    }
    if pipeline.on_github().is_some() {
        credentials.push(json!({ "string": {
            "scope": "GLOBAL", "id": WEBHOOK, "secret": Secret::Webhook.reference(),
        } }));
    }
    credentials
}

/// The job, in the language of the plugin Job DSL: one branch, and so no pull requests, whose builds could do whatever
/// the machine may. Looking for changes also starts the first build, without which a webhook starts nothing.
fn job(stack: &str, pipeline: &Pipeline) -> String {
    let signed_in = match &pipeline.github_token {
        Some(_) => format!("\n            credentials({})", groovy(GITHUB)),
        None => String::new(),
    };
    let push = if pipeline.on_github().is_some() { "githubPush()\n        " } else { "" };
    format!(
        "\
pipelineJob({job}) {{
  properties {{
    pipelineTriggers {{
      triggers {{
        {push}pollSCM {{ scmpoll_spec('H/5 * * * *') }}
      }}
    }}
  }}
  definition {{
    cpsScm {{
      scm {{
        git {{
          remote {{
            url({url}){signed_in}
          }}
          branch({branch})
        }}
      }}
      scriptPath('Jenkinsfile')
      lightweight(true)
    }}
  }}
}}
",
        job = groovy(stack),
        url = groovy(&pipeline.url()),
        branch = groovy(&format!("refs/heads/{}", pipeline.branch)),
    )
}

/// A text of Groovy in which nothing has a meaning.
fn groovy(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_groovy_ends_where_it_ends() {
        assert_eq!(groovy(r"a'b\"), r"'a\'b\\'");
    }
}
