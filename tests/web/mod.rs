//! The labs in a browser: who may use the page, what is on it, and that it follows what a learner does. What needs no browser
//! is tested over HTTP and WebSockets.

mod access;
mod accessibility;
mod chromium;
mod editing;
mod http;
mod live;
mod pages;
mod quizzes;
mod recovery;
mod scenes;
mod terminal;
mod websocket;
