//! As much of Chromium's DevTools protocol as a page needs that is asked to run
//! a script.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::polling::PAUSE;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Value>>>>;

pub(crate) struct DevTools {
    socket: tokio::sync::Mutex<SplitSink<Socket, Message>>,
    waiting: Waiting,
    last_id: AtomicU64,
    reader: JoinHandle<()>,
}

/// A page, by the session that was opened with it.
pub(crate) struct Tab {
    devtools: Arc<DevTools>,
    session: String,
}

impl DevTools {
    /// `endpoint` is what Chromium writes into its port file: a port and a path.
    pub(crate) async fn connect(endpoint: &str) -> Arc<Self> {
        let (port, path) = endpoint.split_once('\n').unwrap();
        let (socket, _) = connect_async(format!("ws://127.0.0.1:{port}{path}")).await.unwrap();
        let (sender, mut receiver) = socket.split();
        let waiting = Waiting::default();
        let answered = Arc::clone(&waiting);
        let reader = tokio::spawn(async move {
            while let Some(Ok(message)) = receiver.next().await {
                let Ok(text) = message.to_text() else { continue };
                let Ok(message) = serde_json::from_str::<Value>(text) else { continue };
                let id = message["id"].as_u64();
                if let Some(asker) = id.and_then(|id| answered.lock().unwrap().remove(&id)) {
                    let _no_caller_waits = asker.send(message);
                }
            }
            // Wakes the calls that still wait: no answer will come.
            answered.lock().unwrap().clear();
        });
        let socket = tokio::sync::Mutex::new(sender);
        Arc::new(Self { socket, waiting, last_id: AtomicU64::new(0), reader })
    }

    async fn try_call(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, Value> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed);
        let (asker, answer) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id, asker);
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        self.socket.lock().await.send(Message::text(message.to_string())).await.unwrap();
        let mut answer = answer.await.unwrap_or_else(|_| panic!("{method}: Chromium has ended"));
        match answer.get_mut("error") {
            Some(error) => Err(error.take()),
            None => Ok(answer["result"].take()),
        }
    }

    async fn call(&self, method: &str, params: Value) -> Value {
        let answer = self.try_call(None, method, params).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The page that is there.
    pub(crate) async fn tab(self: &Arc<Self>) -> Tab {
        let found = self.call("Target.getTargets", json!({})).await;
        let targets = found["targetInfos"].as_array().unwrap();
        let page = targets.iter().find(|target| target["type"] == "page").unwrap();
        self.attach(&page["targetId"]).await
    }

    /// A new page.
    pub(crate) async fn open(self: &Arc<Self>, url: &str) -> Tab {
        let made = self.call("Target.createTarget", json!({"url": url})).await;
        self.attach(&made["targetId"]).await
    }

    async fn attach(self: &Arc<Self>, target: &Value) -> Tab {
        let how = json!({"targetId": target, "flatten": true});
        let attached = self.call("Target.attachToTarget", how).await;
        let session = attached["sessionId"].as_str().unwrap().to_owned();
        Tab { devtools: Arc::clone(self), session }
    }
}

impl Drop for DevTools {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Tab {
    /// The value of an expression, or of the promise that it is, evaluated as
    /// if the user had clicked.
    pub(crate) async fn evaluate(&self, expression: &str) -> Value {
        let answer = self.try_evaluate(expression).await;
        answer.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Asks again and again until the expression is true.
    pub(crate) async fn wait_for(&self, expression: &str, limit: Duration) {
        let deadline = Instant::now() + limit;
        loop {
            // Between two pages, there is nothing that could evaluate.
            let answer = self.try_evaluate(expression).await;
            if answer == Ok(Value::Bool(true)) {
                return;
            }
            assert!(Instant::now() < deadline, "waited {limit:?} for {expression}: {answer:?}");
            sleep(PAUSE).await;
        }
    }

    pub(crate) async fn reload(&self) {
        self.call("Page.reload", json!({})).await.unwrap();
    }

    async fn try_evaluate(&self, expression: &str) -> Result<Value, Value> {
        let how = json!({
            "expression": expression,
            "userGesture": true,
            "awaitPromise": true,
            "returnByValue": true,
        });
        let mut answer = self.call("Runtime.evaluate", how).await?;
        match answer.get_mut("exceptionDetails") {
            Some(exception) => Err(exception.take()),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    async fn call(&self, method: &str, params: Value) -> Result<Value, Value> {
        self.devtools.try_call(Some(&self.session), method, params).await
    }
}
