//! `roadlab open`: the web interfaces of a lab.

use crate::lab::{Addresses, Lab};

/// A web interface and where it answers.
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) url: String,
}

/// The web interfaces of a lab that runs.
pub(crate) fn pages(lab: &Lab, addresses: &Addresses) -> Vec<Page> {
    let of_service = addresses.iter().flat_map(|(name, address)| {
        let service = lab.services.get(name).into_iter();
        service
            .flat_map(|service| &service.talk.web)
            .filter_map(|web| {
                let port = address.port(Some(web.port))?;
                Some(Page {
                    title: web.title.clone(),
                    url: format!("http://127.0.0.1:{port}{}", web.path),
                })
            })
    });
    of_service.collect()
}

/// Opens a page; what was done, in words.
pub(crate) fn open_page(page: &Page) -> String {
    page.url.clone()
}
