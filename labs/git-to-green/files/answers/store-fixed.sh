sed -i '/INSERT INTO/a\        self.connection.commit()' shop/shop/store.py
